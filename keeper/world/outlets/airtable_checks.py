"""What can be seen of a base without writing into it: the table, its fields, what the token may."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keeper.rules.types import Result
from keeper.world.outlets.airtable_faults import EVENT_ID, NEEDED, TOKEN_WRONG, Failed, Fault, missing_fields

if TYPE_CHECKING:
    from pyairtable import Table

#: (ok, sentence, how to mend)
Finding = tuple[bool | None, str, str]
#: Field name -> Airtable's name of its type.
Fields = dict[str, str]
Ask = Callable[[Callable[["Table"], Any]], Any]

TEXT = frozenset({"singleLineText", "multilineText"})
WRITE_SCOPE, READ_SCOPE, SCHEMA_SCOPE = "data.records:write", "data.records:read", "schema.bases:read"
TOKENS = "airtable.com/create/tokens"


def read_tables(table: Table) -> Any:
    return table.api.get(table.api.build_url("meta", "bases", table.base.id, "tables"))


def read_one_record(table: Table) -> Any:
    return table.api.get(table.urls.records, options={"max_records": 1})


def read_scopes(table: Table) -> Any:
    return table.api.get(table.api.urls.whoami)


def fields_in(answer: Any, wanted: str) -> Fields:
    """The fields of the table of that name or id. Raises Failed when the base has none, and LookupError, TypeError or
    AttributeError when it is no such answer."""
    tables = {str(found["name"]): found for found in answer["tables"]}
    found = tables.get(wanted) or next((one for one in tables.values() if one["id"] == wanted), None)
    if found is None:
        others = ", ".join(f"'{name}'" for name in list(tables)[:10]) or "none at all"
        sentence = f"The base has no table '{wanted}', but {others}. Create it, or put its name into AIRTABLE_TABLE."
        raise Failed(Fault(Result.BLOCKED, sentence))
    return {str(field["name"]): str(field["type"]) for field in found["fields"]}


def takes_event_id(fields: Fields) -> bool:
    return fields.get(EVENT_ID) in TEXT


def demand_fields(fields: Fields, table: str) -> None:
    """Raises Failed with everything that has to be created."""
    missing = [name for name in NEEDED if name not in fields]
    if missing:
        raise Failed(missing_fields(table, missing))


# ------------------------------------------------------------------ for people


def examine(ask: Ask, table: str, zone: str) -> list[Finding]:
    """`ask` makes one call and raises Failed."""
    try:
        fields = fields_in(ask(read_tables), table)
    except Failed as problem:
        if problem.fault == TOKEN_WRONG or problem.fault.result is not Result.BLOCKED:
            return [(False, problem.fault.why, _mend(problem.fault))]
        return _without_schema(ask, table, problem.fault)
    except (LookupError, TypeError, AttributeError):
        return [(None, "What answers at AIRTABLE_ENDPOINT_URL says nothing about the tables of the base.", "")]
    reading = _may_read(ask)
    lines = [(True, f"Airtable: the base can be reached and has the table '{table}'.", "")]
    return [*lines, *(_field(name, fields, zone) for name in NEEDED), _event_id(fields), reading, _scopes(ask)]


def _mend(fault: Fault) -> str:
    if fault == TOKEN_WRONG:
        return f"Make a new token at {TOKENS} and put it into AIRTABLE_TOKEN."
    return "Look at the line to the internet; what waits is sent by itself afterwards."


def _without_schema(ask: Ask, table: str, said: Fault) -> list[Finding]:
    """The token may not ask for the fields, or there is nothing to ask for: a look at the records tells which."""
    if "has no table" in said.why:
        return [(False, said.why, f"Create the table '{table}' in Airtable, or correct AIRTABLE_TABLE.")]
    reading = _may_read(ask)
    if reading[0] is not True:
        return [reading]
    unknown = "Airtable: the table can be reached, but the token may not ask for its fields."
    return [(None, unknown, f"Give the token the scope {SCHEMA_SCOPE} at {TOKENS}."), reading, _scopes(ask)]


def _may_read(ask: Ask) -> Finding:
    try:
        ask(read_one_record)
    except Failed as problem:
        mend = f"Give the token {READ_SCOPE} and {WRITE_SCOPE} and access to the base at {TOKENS}."
        return False, problem.fault.why, mend
    return True, f"Airtable: the token may read the records ({READ_SCOPE}).", ""


def _field(name: str, fields: Fields, zone: str) -> Finding:
    kind, best = fields.get(name), NEEDED[name]
    mend = f"Make '{name}' a field of the type {best}."
    if kind is None:
        return False, f"Airtable: the table has no field '{name}'.", mend
    if kind in TEXT:
        return True, f"Airtable: the field '{name}' takes the text.", ""
    if name == "Time" and kind == "dateTime":
        return None, f"Airtable: 'Time' is a date field; its zone has to be UTC or {zone}.", mend
    if kind in ("singleSelect", "richText"):
        why = "takes only the choices it has" if kind == "singleSelect" else "reads marks in the text as formatting"
        return None, f"Airtable: the field '{name}' {why}.", mend
    return False, f"Airtable: the field '{name}' has the type {kind}, which does not take the text.", mend


def _event_id(fields: Fields) -> Finding:
    if takes_event_id(fields):
        return True, f"Airtable: with '{EVENT_ID}' every event is stored exactly once, whatever happens on the way.", ""
    why = f"has the type {fields[EVENT_ID]}" if EVENT_ID in fields else "is missing"
    sentence = f"Airtable: the field '{EVENT_ID}' {why}; after a lost answer the records are searched instead."
    return None, sentence, f"Create a field '{EVENT_ID}' of the type single line text and start again."


def _scopes(ask: Ask) -> Finding:
    """Airtable tells the scopes of some sorts of tokens only."""
    try:
        answer = ask(read_scopes)
        scopes = answer.get("scopes") if isinstance(answer, dict) else None
    except Failed:
        scopes = None
    if not isinstance(scopes, list):
        return None, f"Airtable: whether the token has {WRITE_SCOPE} shows with the first delivery.", ""
    if WRITE_SCOPE in scopes:
        return True, f"Airtable: the token may write records ({WRITE_SCOPE}).", ""
    return False, f"Airtable: the token lacks {WRITE_SCOPE}.", f"Give it the scope at {TOKENS}."
