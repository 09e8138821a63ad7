"""The token authority: what Microsoft Entra ID answers to a service principal, for this one sandbox.

Tokens are JWTs signed with RS256; the key and the client secret are made at first start and kept, 0600.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import urllib.parse
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from wizard.home import write_atomically
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Reply, route
from wizard.sandbox.arm.registry import Routes
from wizard.sandbox.clock import Clock

LIFE_S = 3600
"""Seconds a token holds. Entra's own are about as long; clients ask anew before the end."""
SKEW_S = 300
"""How far clocks may be apart, as Entra's libraries have it."""
FORM_LIMIT = 64 * 1024
FORM_TIMEOUT_S = 30.0
_KNOWN_LIMIT = 1000


class Authority:
    """Signs clients in and checks what they bring."""

    def __init__(self, folder: Path, url: str, tenant: str, client_id: str, clock: Clock | None = None) -> None:
        self._url = url
        self._clock = clock or Clock()
        self._tenant = tenant
        self._client_id = client_id
        self._secret = _client_secret(folder / "client-secret")
        self._key = _signing_key(folder / "token.key")
        self._kid = hashlib.sha256(_number(self._key.public_key().public_numbers().n).encode()).hexdigest()[:32]
        self._known: dict[str, Mapping[str, Any]] = {}
        self.routes = Routes()
        self.routes.add(self)

    # What the server asks

    def check(self, header: str, audience: str = "") -> Mapping[str, Any]:
        """The claims of a request's `Authorization` header; ArmError 401 when there are none that hold.

        `audience` is whom the token must be for: ARM, unless another is named.
        """
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise self._refusal(
                "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", "invalid_token"
            )
        claims = self._known.get(token) or self._verified(token.strip())
        if str(claims["aud"]).rstrip("/") != (audience or self._url):
            raise self._refusal("InvalidAuthenticationToken", "The access token is for another audience.")
        if claims["exp"] <= self._clock.now():
            raise self._refusal("ExpiredAuthenticationToken", "The access token expiry time is in the past.")
        if claims["nbf"] > self._clock.now() + SKEW_S:
            raise self._refusal("InvalidAuthenticationToken", "The access token is not valid yet.")
        return claims

    def _verified(self, token: str) -> Mapping[str, Any]:
        try:
            head, payload, signature = token.split(".")
            signed = f"{head}.{payload}".encode()
            self._key.public_key().verify(_bytes(signature), signed, padding.PKCS1v15(), hashes.SHA256())
            claims: dict[str, Any] = json.loads(_bytes(payload))
            right = claims["tid"] == self._tenant and claims["iss"].startswith(self._url) and bool(claims["aud"])
        except (ValueError, KeyError, InvalidSignature):
            right = False
        if not right:
            raise self._refusal("InvalidAuthenticationToken", "The access token is invalid.")
        if len(self._known) >= _KNOWN_LIMIT:
            self._known.clear()
        self._known[token] = claims
        return claims

    def _refusal(self, code: str, message: str, error: str = "invalid_token") -> ArmError:
        challenge = (
            f'Bearer authorization_uri="{self._url}/{self._tenant}", error="{error}", error_description="{message}"'
        )
        return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})

    # What clients ask. Each route gets the call, the request and the path's parameters.

    @route("GET", "{tenant}/v2.0/.well-known/openid-configuration")
    async def configuration(self, call: Call, request: web.Request, tenant: str) -> Reply:
        return Reply(200, self._configuration(self._own(tenant), "/v2.0"))

    @route("GET", "{tenant}/.well-known/openid-configuration")
    async def configuration_v1(self, call: Call, request: web.Request, tenant: str) -> Reply:
        return Reply(200, self._configuration(self._own(tenant), ""))

    @route("POST", "{tenant}/oauth2/v2.0/token")
    async def token(self, call: Call, request: web.Request, tenant: str) -> Reply:
        self._own(tenant)
        form = await _form(request)
        resource = _resource(form.get("scope", ""))
        return self._granted(request, form, resource)

    @route("POST", "{tenant}/oauth2/token")
    async def token_v1(self, call: Call, request: web.Request, tenant: str) -> Reply:
        self._own(tenant)
        form = await _form(request)
        return self._granted(request, form, form.get("resource", "").rstrip("/"))

    @route("GET", "{tenant}/discovery/v2.0/keys")
    async def keys(self, call: Call, request: web.Request, tenant: str) -> Reply:
        self._own(tenant)
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._kid}
        return Reply(200, {"keys": [{**key, "n": _number(numbers.n), "e": _number(numbers.e)}]})

    @route("GET", "common/discovery/instance")
    async def instance(self, call: Call, request: web.Request) -> Reply:
        host = self._url.removeprefix("https://")
        return Reply(
            200,
            {
                "tenant_discovery_endpoint": f"{self._url}/{self._tenant}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            },
        )

    @route("GET", "metadata/endpoints")
    async def endpoints(self, call: Call, request: web.Request) -> Reply:
        """What tools learn of a cloud from its ARM endpoint alone; the old form differs from 2018 on."""
        url, audience = self._url, self._url
        if call.query.get("api-version", "") < "2018":
            authentication = {"loginEndpoint": url, "audiences": [audience]}
            return Reply(
                200,
                {"galleryEndpoint": "", "graphEndpoint": url, "portalEndpoint": url, "authentication": authentication},
            )
        cloud: dict[str, Any] = {
            "name": "MultivmSandbox",
            "portal": url,
            "authentication": {
                "loginEndpoint": url,
                "audiences": [audience],
                "tenant": self._tenant,
                "identityProvider": "AAD",
            },
            "resourceManager": url,
            "graph": url,
            "graphAudience": url,
            "microsoftGraphResourceId": url,
            "logAnalyticsResourceId": url,
            "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net"},
        }
        # A list of clouds until 2022-09-01, which answers the one that is asked.
        return Reply(200, cloud if call.query.get("api-version", "") >= "2022-09-01" else [cloud])

    # Inside

    def _own(self, tenant: str) -> str:
        if tenant.lower() not in (self._tenant, "common", "organizations", "adfs"):
            raise ArmError(400, "invalid_tenant", f"AADSTS90002: Tenant '{tenant}' not found.")
        return self._tenant if tenant.lower() != "adfs" else tenant

    def _configuration(self, tenant: str, version: str) -> dict[str, Any]:
        base = f"{self._url}/{tenant}"
        return {
            "issuer": f"{base}{version or '/'}",
            "authorization_endpoint": f"{base}/oauth2{version}/authorize",
            "token_endpoint": f"{base}/oauth2{version}/token",
            "device_authorization_endpoint": f"{base}/oauth2{version}/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
            "tenant_region_scope": None,
            "cloud_instance_name": self._url.removeprefix("https://"),
        }

    def _granted(self, request: web.Request, form: Mapping[str, str], resource: str) -> Reply:
        client, secret = _credentials(request, form)
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "AADSTS70003: Only client_credentials is supported.")
        if client.lower() != self._client_id:
            return _oauth_error(400, "unauthorized_client", "AADSTS700016: The application was not found.")
        if not hmac.compare_digest(secret.encode(), self._secret.encode()):
            return _oauth_error(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if not resource:
            return _oauth_error(400, "invalid_scope", "AADSTS1002012: The scope must end in /.default.")
        answer = {
            "token_type": "Bearer",
            "expires_in": LIFE_S,
            "ext_expires_in": LIFE_S,
            "expires_on": str(int(self._clock.now()) + LIFE_S),
            "resource": resource,
            "access_token": self._issue(resource),
        }
        return Reply(200, answer, {"Cache-Control": "no-store"})

    def _issue(self, audience: str) -> str:
        now = int(self._clock.now())
        object_id = str(uuid.uuid5(uuid.UUID(self._tenant), self._client_id))
        claims = {
            "aud": audience,
            "iss": f"{self._url}/{self._tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + LIFE_S,
            "appid": self._client_id,
            "appidacr": "1",
            "idtyp": "app",
            "oid": object_id,
            "sub": object_id,
            "tid": self._tenant,
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0",
        }
        head = {"typ": "JWT", "alg": "RS256", "kid": self._kid}
        signed = f"{_text(json.dumps(head).encode())}.{_text(json.dumps(claims).encode())}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_text(signature)}"


def _client_secret(path: Path) -> str:
    if not path.is_file():
        write_atomically(path, secrets.token_urlsafe(32))  # 256 bits
    return path.read_text().strip()


def _signing_key(path: Path) -> rsa.RSAPrivateKey:
    if not path.is_file():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        write_atomically(path, key.private_bytes(encoding, form, serialization.NoEncryption()))
    loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    return loaded


async def _form(request: web.Request) -> dict[str, str]:
    """The fields of a form, which may come without its length being told."""
    raw = bytearray()
    try:
        async with asyncio.timeout(FORM_TIMEOUT_S):
            async for chunk in request.content.iter_any():
                raw += chunk
                if len(raw) > FORM_LIMIT:
                    raise ArmError(413, "RequestContentTooLarge", "The form is too large.")
    except TimeoutError:
        raise ArmError(408, "RequestTimeout", "The form did not arrive in time.") from None
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return dict(urllib.parse.parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))


def _credentials(request: web.Request, form: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret from the form, or from HTTP Basic as RFC 6749 also has it."""
    header = request.headers.get("Authorization", "")
    if header.lower().startswith("basic "):
        try:
            client, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        except ValueError:
            return "", ""
        return client, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _resource(scope: str) -> str:
    """What a v2 scope asks for: `https://arm.example//.default` has an audience that ends in a slash."""
    for part in scope.split():
        if part.endswith("/.default"):
            return part.removesuffix("/.default").rstrip("/")
    return ""


def _oauth_error(status: int, error: str, description: str) -> Reply:
    body = {"error": error, "error_description": description, "correlation_id": str(uuid.uuid4())}
    return Reply(status, body, {"Cache-Control": "no-store"})


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))
