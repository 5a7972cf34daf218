"""Make a loop of which every text is hostile and one figure is NaN."""

from __future__ import annotations

from math import nan
from typing import Any

from rdlake.store.lake import Lake
from tests.catalog.test_views import factor, frame, loop

ODD = "</script><script>alert('动量')</script> \"quoted\" & 🎲\u2028;--"
WORKSPACE = "9"


def put_odd(lake: Lake, **changed: Any) -> None:
    told = loop(
        WORKSPACE,
        task_run_id=ODD,
        experiment_id=f"{ODD}/9",
        role="experiment",
        factor_names=[ODD],
        metrics={ODD: 1e300, "IC": 0.5, "none": nan, "tiny": 5e-324},
        **{"decision": None, **changed},
    )
    lake.commit(
        {
            "factors": frame("factors", factor(WORKSPACE, ODD, description_cn=ODD, tags=[ODD])),
            "feedback": frame(
                "feedback", {"workspace_id": WORKSPACE, "summary_execution": ODD, "hypothesis": ODD}
            ),
            "loops": frame("loops", told),
        },
        {"workspace_id": [WORKSPACE]},
    )
