"""The evidence report: complete, self-contained, the same for the same evidence, and harmless whatever it is given."""

from __future__ import annotations

import copy
import json
import math
import re
import xml.etree.ElementTree as ET

import pytest

from tests.verify.report import reading, samples
from wizard.verify import report

every_sample = pytest.mark.parametrize("name", samples.NAMES)

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> ![x](http://evil.example/x.png) |`[a](javascript:1)"
)


def drawings(html: str) -> list[ET.Element]:
    """Every SVG of a page, as XML."""
    return [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


@every_sample
def test_both_files_are_written_beside_the_evidence(name, tmp_path):
    report.write(tmp_path, samples.load(name))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.md"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == report.as_html(samples.load(name))
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == report.as_markdown(samples.load(name))


@every_sample
def test_the_same_evidence_gives_the_same_bytes(name):
    evidence = samples.load(name)
    untouched = copy.deepcopy(evidence)
    first = report.as_html(evidence), report.as_markdown(evidence)
    assert first == (report.as_html(samples.load(name)), report.as_markdown(samples.load(name)))
    assert evidence == untouched


@every_sample
def test_the_page_is_well_formed(name):
    page = reading.read(report.as_html(samples.load(name)))
    assert page.unbalanced == []
    assert page.all("html")[0].attributes["lang"] == "en"
    ids = [seen.attributes["id"] for seen in page.elements if "id" in seen.attributes]
    assert len(ids) == len(set(ids))
    targets = {seen.attributes["href"].removeprefix("#") for seen in page.all("a")}
    assert targets <= set(ids)


@every_sample
def test_every_table_has_headings_and_every_row_fits_them(name):
    html = report.as_html(samples.load(name))
    for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
        parsed = ET.fromstring(table)
        heads = parsed.findall("./thead/tr/th")
        assert heads
        assert all(head.get("scope") == "col" for head in heads)
        for row in parsed.findall("./tbody/tr"):
            assert sum(int(cell.get("colspan", "1")) for cell in row) == len(heads)


@every_sample
def test_every_drawing_is_xml_with_a_title_and_a_description(name):
    found = drawings(report.as_html(samples.load(name)))
    assert found
    for drawing in found:
        assert drawing.get("role") == "img"
        ids = (drawing.get("aria-labelledby") or "").split()
        told = {child.get("id"): child.text for child in drawing if child.tag in {"title", "desc"}}
        assert list(told) == ids
        assert all(told.values())


@every_sample
def test_every_check_is_told_with_its_state_in_both(name):
    evidence = samples.load(name)
    html, markdown = report.as_html(evidence), report.as_markdown(evidence)
    rows = [
        [(cell.text or "") + "".join("".join(part.itertext()) for part in cell) for cell in row]
        for table in re.findall(r'<table class="checks">.*?</table>', html, re.DOTALL)
        for row in ET.fromstring(table).findall("./tbody/tr")
    ]
    told = sorted((row[0].split()[1], row[1], row[2]) for row in rows)
    assert told == sorted((check["state"], check["name"], check["target"]) for check in evidence["checks"])
    for row, check in zip(sorted(rows, key=str), sorted(evidence["checks"], key=str), strict=True):
        assert all(part for part in row[:4]), (row, check)
    for check in evidence["checks"]:
        line = rf"\| \S+ {check['state']} \| {re.escape(check['name'])} \| `?{re.escape(check['target'])}`? \|"
        assert re.search(line, markdown), check


def test_details_causes_and_remedies_are_told():
    evidence = samples.load("failed")
    html, markdown = reading.read(report.as_html(evidence)).all("body")[0].text, report.as_markdown(evidence)
    for check in evidence["checks"]:
        for part in (check["detail"], check.get("cause", ""), *check.get("remedy", "").splitlines()):
            assert part in html
            assert part.partition("http")[0] in markdown


@every_sample
def test_nothing_is_loaded_from_anywhere(name):
    html = report.as_html(samples.load(name))
    page = reading.read(html)
    tags = {seen.tag for seen in page.elements}
    assert not tags & {"script", "link", "img", "image", "iframe", "object", "embed", "video", "audio", "use", "form"}
    for seen in page.elements:
        for attribute, value in seen.attributes.items():
            assert not attribute.startswith("on")
            assert attribute != "style"
            if attribute in {"href", "src", "xlink:href", "action", "data", "poster", "srcset"}:
                assert value.startswith("#"), (seen.tag, attribute, value)
            if "url(" in value:
                assert re.fullmatch(r"url\(#[\w-]+\)", value)
    style = page.all("style")[0].text
    assert "@import" not in style
    assert "url(" not in style
    assert "@font-face" not in style


@every_sample
def test_the_policy_allows_the_style_sheet_alone(name):
    import base64
    import hashlib

    page = reading.read(report.as_html(samples.load(name)))
    policy = next(
        seen.attributes["content"]
        for seen in page.all("meta")
        if seen.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(page.all("style")[0].text.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def poisoned(value: object, poison: str) -> object:
    """Every text, key and value, with something hostile in it."""
    if isinstance(value, str):
        return f"{poison}{value}"
    if isinstance(value, list):
        return [poisoned(item, poison) for item in value]
    if isinstance(value, dict):
        return {key: poisoned(item, poison) for key, item in value.items()}
    return value


def rekeyed(table: dict[str, object], poison: str) -> dict[str, object]:
    return {f"{poison}{key}": value for key, value in table.items()}


@pytest.fixture(params=["drill", "failed"])
def hostile(request):
    evidence = samples.load(request.param)
    poisoned_evidence = poisoned(evidence, HOSTILE)
    assert isinstance(poisoned_evidence, dict)
    for part in (poisoned_evidence["drill"], *poisoned_evidence["loads"]):
        for key in ("by_vm", "errors_by_kind", "connections", "statuses"):
            if isinstance(part.get(key), dict):
                part[key] = rekeyed(part[key], HOSTILE)
        for piece in part["series"]:
            piece["by_vm"] = rekeyed(piece["by_vm"], HOSTILE)
    poisoned_evidence["ssh"] = rekeyed(poisoned_evidence["ssh"], HOSTILE)
    poisoned_evidence["plan"]["tags"] = {HOSTILE: HOSTILE}
    poisoned_evidence["environment"]["libraries"] = {HOSTILE: HOSTILE}
    return evidence, poisoned_evidence


def test_hostile_text_makes_no_element_and_no_attribute(hostile):
    evidence, poisoned_evidence = hostile
    harmless, page = reading.read(report.as_html(evidence)), reading.read(report.as_html(poisoned_evidence))
    assert page.unbalanced == []
    assert {seen.tag for seen in page.elements} == {seen.tag for seen in harmless.elements}
    assert {name for seen in page.elements for name in seen.attributes} == {
        name for seen in harmless.elements for name in seen.attributes
    }
    for seen in page.all("a"):
        assert seen.attributes["href"].startswith("#")
    assert "<script>alert(1)</script>" in page.all("body")[0].text  # it is told, as text
    assert drawings(report.as_html(poisoned_evidence))  # which are still XML


def test_hostile_text_makes_nothing_of_markdown(hostile):
    _, poisoned_evidence = hostile
    text = report.as_markdown(poisoned_evidence)
    outside_code = re.sub(r"(?<!\\)`[^`]*(?<!\\)`", "", text)
    assert not re.search(r"(?<!\\)<", outside_code)
    assert not re.search(r"(?<!\\)\[", outside_code)
    assert not re.search(r"://|(?<!\w)@\w", outside_code)
    widths = {line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("| ✗ failed")}
    assert widths == {6} or not widths


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# not a heading", "\\# not a heading"),
        ("- not a list", "\\- not a list"),
        ("> not a quotation", "\\> not a quotation"),
        ("1. not a list", "1\\. not a list"),
        ("127.0.0.1", "127.0.0.1"),
        ("a | b", "a \\| b"),
        ("<b>", "\\<b>"),
        ("&lt; & more", "\\&lt; & more"),
        ("*a* _a_ a_b", "\\*a\\* \\_a\\_ a_b"),
        ("`code`", "\\`code\\`"),
        ("see http://a.example/x.", "see `http://a.example/x`."),
        ("www.a.example|b", "`www.a.example`\\|b"),
        ("two\nlines", "two lines"),
        ("@someone", "&#64;someone"),
        ("p99<200ms", "p99\\<200ms"),
    ],
)
def test_markdown_shows_text_as_it_is(text, told):
    from wizard.verify.report.markdown import escaped

    assert escaped(text) == told


def test_what_cannot_be_seen_is_shown():
    evidence = samples.load("version-1")
    evidence["checks"][0]["detail"] = "a\u202eb\x00c\ud800d\x1b[31m\r\ne"
    evidence["deployment"] = "\ud800"
    for text in (report.as_html(evidence), report.as_markdown(evidence).replace("\\\\", "\\").replace("\\[", "[")):
        text.encode()
        assert "a\\u202eb\\u0000c\\ud800d\\u001b[31m e" in text


def test_the_element_builder_takes_no_handlers_and_no_loose_names():
    from wizard.verify.report.markup import element

    for wrong in (element("a", onclick="x"), element("a><b"), element("style", "</style><script>")):
        with pytest.raises(ValueError, match=r"not a|would end"):
            str(wrong)


OPTIONAL = {
    "loads": "section-load",
    "drill": "section-drill",
    "resources": "section-resources",
    "plan": "section-plan",
    "checks": "section-checks",
}


@pytest.mark.parametrize(("key", "section"), OPTIONAL.items())
def test_what_is_missing_leaves_its_section_out(key, section):
    evidence = samples.load("drill")
    assert f'id="{section}"' in report.as_html(evidence)
    del evidence[key]
    html = report.as_html(evidence)
    assert f'id="{section}"' not in html
    assert f'href="#{section}"' not in html
    assert reading.read(html).unbalanced == []
    heading = "## " + {"loads": "Load", "drill": "Failover drill"}.get(key, key.capitalize())
    assert heading in report.as_markdown(samples.load("drill")).splitlines()
    assert heading not in report.as_markdown(evidence).splitlines()


def test_next_to_nothing_can_be_rendered():
    cases: list[dict[str, object]] = [{"deployment": "x"}, {}, {"load": None, "drill": None, "plan": {}}]
    for evidence in cases:
        assert "✗ Not proved" in report.as_html(evidence)
        assert "Nothing was proved" in report.as_markdown(evidence)


def _paths(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The place of everything in the evidence; of lists, the first item."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    return [path, *(inner for key, item in items for inner in _paths(item, (*path, key)))]


def test_one_value_of_a_wrong_type_costs_no_report():
    evidence = samples.load("drill")
    for part in (evidence["checks"], evidence["resources"], evidence["loads"]):
        del part[2:]  # the same shapes, fewer of them
    for load in (*evidence["loads"], evidence["drill"]):
        del load["series"][2:]
    text = json.dumps(evidence)
    wrongs: list[object] = [None, "text", math.nan, {}, -1]
    for path in _paths(evidence)[1:]:
        for wrong in wrongs:
            broken = json.loads(text)
            place = broken
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = wrong
            assert report.as_markdown(broken)
            html = report.as_html(broken)
            assert "NaN" not in html.replace('"NaN"', "") or path[0] == "plan", path
            drawings(html)


@pytest.mark.parametrize(
    ("change", "proved", "told"),
    [
        (lambda evidence: None, True, "All 40 checks passed."),
        (lambda evidence: evidence["checks"][3].update(state="failed"), False, "1 of 40 checks failed."),
        (lambda evidence: evidence["checks"][3].update(state="warned"), True, "39 passed, 1 warned; no check failed."),
        (
            lambda evidence: evidence["loads"][0]["expectations"][1].update(held=False),
            False,
            "1 of 3 expectations did not hold.",
        ),
        (lambda evidence: evidence["drill"].update(survived=False), False, "The deployment did not survive the drill."),
        (lambda evidence: evidence["drill"].pop("survived"), False, "The deployment did not survive the drill."),
    ],
)
def test_the_verdict(change, proved, told):
    evidence = samples.load("drill")
    change(evidence)
    head = reading.read(report.as_html(evidence)).all("header")[0].text
    assert ("✓ Proved" in head, "✗ Not proved" in head) == (proved, not proved)
    assert told in head
    assert told in report.as_markdown(evidence)


def test_version_1_holds_one_load():
    html = report.as_html(samples.load("version-1"))
    assert 'id="load-1-shares"' in html
    assert 'id="load-1-series"' not in html
    assert "✓ Proved" in html


def test_no_state_is_told_by_colour_alone():
    """Wherever a state's class stands, its sign does, with its word or in a drawing whose legend has it."""
    signs = {"passed": "✓", "failed": "✗", "warned": "!", "skipped": "○"}
    page = reading.read(report.as_html(samples.load("failed")))
    stated = [seen for seen in page.elements if "state" in seen.attributes.get("class", "").split()]
    assert len(stated) > 50
    for seen in stated:
        classes = set(seen.attributes["class"].split())
        if seen.tag == "td":
            continue
        (state,) = classes & set(signs)
        assert seen.text.startswith(signs[state]), seen
        assert len(seen.text) > 2


def test_a_ramp_is_drawn_with_its_thresholds_and_told_in_both_files():
    evidence = samples.load("ramp")
    html, text = report.as_html(evidence), report.as_markdown(evidence)
    [drawing] = [one for one in drawings(html) if one.get("id") == "ramp-course"]
    words = [child.text for child in drawing if child.tag == "text"]
    assert "70 %, above: a VM is added" in words
    assert "30 %, below: a VM is taken away" in words
    assert "Evidence of a ramp of autoscale" in html
    markers = [child for child in drawing if child.get("class") == "marker"]
    assert len(markers) == len(evidence["ramp"]["cpu"])
    for told in (html, text):
        assert "Autoscale went out and in again" in told
        assert "above 70 % over 5 minutes" in told
    assert "ra-multi-vm1" not in html, "Azure names the machines of a scale set"


def test_a_ramp_that_failed_or_has_no_cpu_says_so():
    evidence = samples.load("ramp")
    evidence["ramp"] |= {"proved": False, "why": ["No machine was added."], "cpu": [], "cpu_untold": "not allowed"}
    html = report.as_html(evidence)
    assert "✗ Not proved" in html
    assert "No machine was added." in html
    assert "Azure Monitor told no CPU: not allowed." in html
    [drawing] = [one for one in drawings(html) if one.get("id") == "ramp-course"]
    assert not any(child.get("class") == "marker" for child in drawing)
