"""Read settings: flag, else environment RDLAKE_*, else .env, else default, with the origin."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

PREFIX = "RDLAKE_"
DOTENV = ".env"


class Settings(BaseSettings):
    """Hold what can be set once for all commands."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=DOTENV, extra="ignore", frozen=True, env_ignore_empty=True
    )

    lake: str = Field("lake", description="the lake's folder")
    workspaces: str | None = Field(
        None, description=f"folders of RD-Agent workspaces, separated by {os.pathsep!r}"
    )

    logs: str | None = Field(None, description="folders of RD-Agent's logs, separated likewise")

    registries: str | None = Field(None, description="registry.sqlite files, separated likewise")

    prices: str | None = Field(
        None,
        description="the daily_pv.h5 that factors are held against, else the one beside each"
        " folder of workspaces",
    )

    keep: str = Field(
        "essential", description="whose content ingest stores: essential, all or none"
    )

    charts: bool = Field(
        default=True, description="whether ingest draws each new curve: true or false"
    )

    factors_lib_root: str | None = Field(
        None,
        validation_alias="RD_FACTORS_LIB_ROOT",
        description="the folder of the shared library of factors",
    )

    strategies_lib_root: str | None = Field(
        None,
        validation_alias="RD_STRATEGIES_LIB_ROOT",
        description="the folder of the shared library of strategies",
    )

    @property
    def workspace_roots(self) -> tuple[Path, ...]:
        """Return the folders of workspaces; none when the setting is empty."""
        return _folders(self.workspaces)

    @property
    def log_roots(self) -> tuple[Path, ...]:
        """Return the folders of logs; none when the setting is empty."""
        return _folders(self.logs)

    @property
    def registry_files(self) -> tuple[Path, ...]:
        """Return the registries; none when the setting is empty."""
        return _folders(self.registries)


def _folders(text: str | None) -> tuple[Path, ...]:
    parts = (text or "").split(os.pathsep)
    return tuple(Path(part).expanduser() for part in parts if part.strip())


def _as_text(value: object) -> str | None:
    return str(value).lower() if isinstance(value, bool) else value if value is None else str(value)


@dataclass(frozen=True)
class Setting:
    """Describe one setting as it is in force."""

    name: str
    value: str | None
    origin: str
    meaning: str


def explain_settings(settings: Settings) -> list[Setting]:
    """Return each setting with its value and the origin of the value."""
    in_file = DotEnvSettingsSource(Settings)()
    found = []
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"{PREFIX}{name.upper()}")
        if os.environ.get(variable):
            origin = f"environment {variable}"
        elif in_file.get(name) or in_file.get(variable):
            origin = DOTENV
        else:
            origin = "default"
        found.append(
            Setting(name, _as_text(getattr(settings, name)), origin, field.description or "")
        )
    return found
