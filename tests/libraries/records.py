"""Members of a club as attrs classes: converters, validators, slots, comparison, structure."""

import attrs

import flawless
from libraries.gate import pause


@attrs.frozen(order=True)
class Name:
    """A name, without spaces around it."""

    family: str = attrs.field(converter=str.strip)
    given: str = attrs.field(converter=str.strip, default="")


@attrs.define(kw_only=True)
class Member:
    """A member of the club."""

    name: Name
    age: int = attrs.field(validator=[attrs.validators.instance_of(int), attrs.validators.ge(0)])
    friends: list[Name] = attrs.Factory(list)
    key: str = attrs.field(init=False, repr=False)

    @key.default
    def _key(self) -> str:
        return f"{self.name.family}-{self.age}".lower()


def enrol(families: list[str]) -> list[str]:
    """Return the members' descriptions, in the order of their names."""
    members = [Member(name=Name(f" {name} "), age=index) for index, name in enumerate(families)]
    for member in members:
        member.friends += [other.name for other in members if other is not member]
    return [repr(member) for member in sorted(members, key=lambda member: member.name)]


def edit(family: str) -> list[str]:
    """Return what becomes of a member that is changed, rightly and wrongly."""
    member = Member(name=Name(family), age=30)
    older = attrs.evolve(member, age=31)
    told = [
        str(attrs.asdict(older)),
        older.key,
        str(older == member),
        str(hash(Name("a")) == hash(Name("a "))),
    ]
    for change in (lambda: setattr(member, "age", -1), lambda: setattr(member.name, "given", "x")):
        try:
            change()
        except (ValueError, attrs.exceptions.FrozenInstanceError) as error:
            told.append(type(error).__name__)
    return told


@flawless.workflow
def club(families: list[str]) -> tuple[list[str], list[str]]:
    """Enrol members, pause, and change one."""
    members = enrol(families)
    pause()
    return members, edit(families[0])
