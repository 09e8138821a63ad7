"""Drop packets from sources that no rule allows, before the kernel answers their handshake.

A listener in user space learns of a client only after the kernel has shaken hands with it, so a denied client would
see an open port. On Linux a classic BPF program on the listening socket judges the SYN itself: what it drops gets no
answer, as a packet that Azure's NSG drops. It needs no privilege on one's own socket. Elsewhere, and for more
intervals than a program can hold, the check at accept resets the connection before a byte is sent.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

from wizard.sandbox.fabric.addresses import Addresses

# linux/filter.h, linux/bpf_common.h
_SO_ATTACH_FILTER = 26
_LOAD_WORD_ABSOLUTE = 0x20
_JUMP_IF_GREATER_OR_EQUAL = 0x35
_JUMP_IF_GREATER = 0x25
_RETURN = 0x06
_NETWORK_HEADER = 0xFFF00000  # SKF_NET_OFF as an unsigned word: offsets count from the IP header, not from TCP's
_SOURCE_OFFSET = 12  # of the source address in an IPv4 header
_KEEP = 0xFFFFFFFF
_LONGEST = 4096  # BPF_MAXINSNS

AVAILABLE = sys.platform == "linux"


def program(allowed: Addresses) -> bytes | None:
    """The instructions that let `allowed` through and drop the rest; None when they are too many for one program."""
    code = [struct.pack("=HBBI", _LOAD_WORD_ABSOLUTE, 0, 0, _NETWORK_HEADER + _SOURCE_OFFSET)]
    for low, high in allowed:
        code.append(struct.pack("=HBBI", _JUMP_IF_GREATER_OR_EQUAL, 0, 2, low))
        code.append(struct.pack("=HBBI", _JUMP_IF_GREATER, 1, 0, high))
        code.append(struct.pack("=HBBI", _RETURN, 0, 0, _KEEP))
    code.append(struct.pack("=HBBI", _RETURN, 0, 0, 0))
    return b"".join(code) if len(code) <= _LONGEST else None


def attach(listener: socket.socket, allowed: Addresses) -> bool:
    """Let only `allowed` reach the listener; False when this computer or the program's size forbids it.

    A new program replaces the old one in one step. Connections already accepted keep the one they were born with.
    """
    code = program(allowed) if AVAILABLE else None
    if code is None:
        code = program(((0, 2**32 - 1),)) if AVAILABLE else None
        if code is not None:
            _set(listener, code)
        return False
    return _set(listener, code)


def _set(listener: socket.socket, code: bytes) -> bool:
    held = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)
    except OSError:
        return False
    return True
