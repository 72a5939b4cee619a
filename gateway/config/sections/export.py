"""The key `export` of the section `audit`: who else gets the records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.export.rules import Anchorage, Choice, Export, Form, Kind, Secret, Verdict
from gateway.audit.export.targets import parse_target
from gateway.audit.records.schema import EVENTS
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Key, Values, at_least_one_of, one_of, optional, record, required
from gateway.policy.language.scalars import choice, kebab, text
from gateway.policy.language.shapes import sequence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.export.targets import Scheme, Target
    from gateway.policy.language.shapes import Shape

_KINDS: Final[tuple[Kind, ...]] = ("stdout", "syslog", "otlp", "webhook")
_FORMS: Final[tuple[Form, ...]] = ("record", "ocsf", "ecs", "cef", "otel")
_VERDICTS: Final[tuple[Verdict, ...]] = ("allow", "deny")
SCHEMES: Final[Mapping[Kind, tuple[Scheme, ...]]] = {
    "syslog": ("tls", "tcp"),
    "otlp": ("https", "http"),
    "webhook": ("https", "http"),
}
_OTLP_PATH: Final = "/v1/logs"
_SCOPES: Final[Mapping[str, tuple[Kind, ...]]] = {
    "url": ("syslog", "otlp", "webhook"),
    "trust": ("syslog", "otlp", "webhook"),
    "authorization": ("otlp", "webhook"),
    "secret": ("webhook",),
    "format": ("stdout", "syslog", "webhook"),
}
"""For which kinds a key means something."""

_FILE: Final = optional("file", text("the path of a file"), "A file.", None)
_ENVIRONMENT: Final = optional("environment", text("the name of a variable"), "A variable of the environment.", None)


def _secret(values: Values) -> Secret:
    file = values[_FILE]
    return Secret(None if file is None else Path(file), values[_ENVIRONMENT])


_SECRET_SHAPE: Final = record(
    (_FILE, _ENVIRONMENT),
    _secret,
    wanted="where it is found, like `{file: webhook.secret}`",
    rules=(one_of("file", "environment", why="a secret has one place"),),
)
_EVENTS: Final[Key[tuple[str, ...]]] = optional(
    "events", sequence(choice(EVENTS, "a kind of record"), "[decision, gap]"), "Kinds of records.", ()
)
_VERDICT: Final[Key[Verdict | None]] = optional("verdict", choice(_VERDICTS), "The verdict of decisions.", None)
_ONLY_SHAPE: Final = record(
    (_EVENTS, _VERDICT),
    lambda values: Choice(frozenset(values[_EVENTS]), values[_VERDICT]),
    wanted="which records are sent, like `{verdict: deny}`",
    rules=(at_least_one_of("events", "verdict", why="without them all records are sent"),),
)

_NAME: Final = required("name", kebab("a name, like `siem`"), "Its name, under which its cursor is kept.")
_KIND: Final[Key[Kind]] = required("kind", choice(_KINDS), "What the receiver speaks.")
_URL: Final = optional("url", text("a URL, like `tls://logs.example:6514`"), "Where the receiver is.", None)
_FORM: Final[Key[Form | None]] = optional("format", choice(_FORMS), "In whose words records are sent.", None)
_ONLY: Final = optional("only", _ONLY_SHAPE, "Which records are sent; all if left out.", Choice())
TRUST: Final = optional("trust", text("the path of a PEM file"), "Authorities in place of the system's.", None)
SECRET: Final = optional("secret", _SECRET_SHAPE, "The secret by which requests are signed.", None)
AUTHORIZATION: Final = optional("authorization", _SECRET_SHAPE, "The value of the field Authorization.", None)


def _export(values: Values) -> Export:
    kind, form, trust = values[_KIND], values[_FORM], values[TRUST]
    for name, kinds in _SCOPES.items():
        if kind not in kinds and values.node.get(name) is not None:
            raise Malformed(f"`{name}` means nothing to `kind: {kind}`, leave it out")
    target = _target(kind, values[_URL])
    if target is not None:
        check_target(target, trust, values[AUTHORIZATION])
    return Export(
        name=values[_NAME],
        kind=kind,
        target=target,
        form="otel" if kind == "otlp" else form or "record",
        choice=values[_ONLY],
        trust=None if trust is None else Path(trust),
        secret=values[SECRET],
        authorization=values[AUTHORIZATION],
    )


def check_target(target: Target, trust: str | None, authorization: Secret | None) -> None:
    """Raise Malformed if a certificate is to be checked that nobody shows, or a secret told to everybody."""
    if trust is not None and not target.is_encrypted:
        raise Malformed("`trust` is for receivers at `tls://` or `https://`, leave it out")
    if authorization is not None and not (target.is_encrypted or target.is_here):
        raise Malformed("`authorization` would go over the network in the open: use `https://`")


def _target(kind: Kind, url: str | None) -> Target | None:
    if kind == "stdout":
        return None
    if url is None:
        raise Malformed(f"`url` is missing: `kind: {kind}` sends records somewhere")
    target = parse_target(url, SCHEMES[kind])
    return replace(target, path=_OTLP_PATH) if kind == "otlp" and target.path == "/" else target


def _each_once(exports: tuple[Export, ...]) -> tuple[Export, ...]:
    names = [each.name for each in exports]
    for name in names:
        if names.count(name) > 1:
            raise Malformed(f"the name `{name}` is taken twice, every exporter has a cursor of its own")
    if sum(each.kind == "stdout" for each in exports) > 1:
        raise Malformed("there is one standard output, name one exporter of `kind: stdout`")
    return exports


_ONE: Final[Shape[Export]] = record(
    (_NAME, _KIND, _URL, _FORM, _ONLY, TRUST, SECRET, AUTHORIZATION),
    _export,
    wanted='an exporter, like `{name: siem, kind: syslog, url: "tls://logs.example:6514"}`',
)
EXPORT: Final[Key[tuple[Export, ...]]] = optional(
    "export",
    sequence(_ONE, "[{name: console, kind: stdout}]", may_be_empty=True).then(_each_once),
    "Who else gets the records.",
    (),
)
"""The key."""


def sent_from(base: Path, exports: tuple[Export, ...]) -> tuple[Export, ...]:
    """The same exporters; relative paths in them start at `base`."""
    return tuple(found_from(base, each) for each in exports)


def found_from[Sent: (Export, Anchorage)](base: Path, sent: Sent) -> Sent:
    """The same with paths that start at `base`, where they are relative."""
    return replace(
        sent,
        trust=None if sent.trust is None else base / sent.trust,
        secret=secret_from(base, sent.secret),
        authorization=secret_from(base, sent.authorization),
    )


def secret_from(base: Path, secret: Secret | None) -> Secret | None:
    """The same with a file that is found from `base`, where its path is relative."""
    return secret if secret is None or secret.file is None else Secret(base / secret.file)
