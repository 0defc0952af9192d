"""What a guest tells about the user's modules."""

from __future__ import annotations

from guest_scripts import HEAD, Guests, app

BODY = '''
@dataclasses.dataclass
class Order:
    id: int
    tags: list[str] = dataclasses.field(default_factory=list)

@workflow
def checkout(order: Order, *rest: int, days: float = 2.5, **options) -> dict[str, int]:
    """Sell something.

    And more.
    """

@workflow(name="nightly")
async def report(when: "datetime.date | None" = None): ...

@step(retries=2)
def refund(ref: str) -> None:
    """Give it back."""
'''


def test_workflows_are_described(guests: Guests) -> None:
    """Names, doc strings, places and typed signatures of all workflows."""
    described = guests.describe(app(BODY))
    checkout, report = described["workflows"]
    line = (HEAD + BODY).split("\n").index("@workflow") + 1
    place = ("name", "module", "function", "is_async", "file", "line")
    assert {key: checkout[key] for key in place} == {
        "name": "app.checkout", "module": "app", "function": "checkout", "is_async": False,
        "file": "app.py", "line": line,
    }  # fmt: skip
    assert checkout["doc"].startswith("Sell something.\n")
    assert [
        (p["name"], p["kind"], p["required"], p["schema"].get("type"))
        for p in checkout["parameters"]
    ] == [
        ("order", "positional_or_keyword", True, "object"),
        ("rest", "var_positional", False, "integer"),
        ("days", "keyword_only", False, "number"),
        ("options", "var_keyword", False, None),
    ]
    assert checkout["parameters"][0]["schema"]["required"] == ["id"]
    assert checkout["returns"]["annotation"] == "dict[str, int]"
    assert (report["name"], report["is_async"]) == ("nightly", True)
    assert report["parameters"][0]["required"] is False


def test_steps_are_described(guests: Guests) -> None:
    """Names and doc strings of all steps."""
    described = guests.describe(app(BODY))
    assert described["steps"] == [
        {"name": "app.charge", "doc": "", "is_async": False},
        {"name": "app.ship", "doc": "", "is_async": True},
        {"name": "app.refund", "doc": "Give it back.", "is_async": False},
    ]


def test_annotations_with_stand_ins_are_described(guests: Guests) -> None:
    """A parameter of a native library's type is any value."""
    script = app("import numpy\n@workflow\ndef main(x: numpy.ndarray, y: numpy.f(1) = 2): ...\n")
    script.modules["numpy"] = {"kind": "native", "reason": "native"}
    described = guests.describe(script)
    assert described["standins"] == ["numpy"]
    assert [p["name"] for p in described["workflows"][0]["parameters"]] == ["x", "y"]
    assert guests.run(script, 1) == {"ok": None}


def test_a_module_that_fails_is_an_error(guests: Guests) -> None:
    """`describe` of a module that does not import answers with its error."""
    output = guests.ask("describe", app("1 / 0\n"), {"modules": ["app"]})
    assert output["error"]["type"] == "ZeroDivisionError"
