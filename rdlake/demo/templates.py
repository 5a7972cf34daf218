"""Hold the text files that RD-Agent copies into every workspace, whether they ran or not."""

from __future__ import annotations

from typing import Literal

Action = Literal["factor", "model"]

README = (
    "# Back-test template\nThe configurations are Jinja templates; `qrun` renders one of them.\n"
)
READER = "# stub: writes qlib_res.csv and ret.parquet from the newest recorder\n"
JUNK = {"runtime_info.py": "# stub: prints the versions of the runtime\n"}

BOOSTED = """\
    class: LGBModel
    module_path: qlib.contrib.model.gbdt
    kwargs: {loss: mse, learning_rate: 0.2, max_depth: 8, num_leaves: 210, num_threads: 20}
"""
NETWORK = """\
    class: GeneralPTNN
    module_path: qlib.contrib.model.pytorch_general_nn
    kwargs:
      n_epochs: {{ n_epochs }}
      lr: {{ lr }}
      early_stop: {{ early_stop }}
      batch_size: {{ batch_size }}
      weight_decay: {{ weight_decay }}
      pt_model_uri: model.model_cls
      pt_model_kwargs:
        num_features: %s
        {%%- if num_timesteps %%}
        num_timesteps: {{ num_timesteps }}
        {%%- endif %%}
"""
PLAIN_DATA = "    class: DatasetH\n    kwargs:\n"
SEQUENCE_DATA = """\
    class: {{ dataset_cls|default('DatasetH') }}
    kwargs:
      {%- if step_len %}
      step_len: {{ step_len }}
      {%- endif %}
"""
BASE_LOADER = (
    "              - {class: qlib.contrib.data.loader.Alpha158DL, kwargs: {config: "
    "{feature: [{{ feature_expressions }}, {{ feature_names }}]}}}\n"
)
FILE_LOADER = (
    "              - {class: qlib.data.dataset.loader.StaticDataLoader, "
    "kwargs: {config: combined_factors_df.parquet}}\n"
)
CONFIGURATION = """\
qlib_init: {region: cn, provider_uri: ~/.qlib/qlib_data/cn_data}
market: csi300
benchmark: SH000300
task:
  model:
%(model)s  dataset:
    module_path: qlib.data.dataset
%(data)s      segments:
        train: [{{ train_start }}, {{ train_end }}]
        valid: [{{ valid_start }}, {{ valid_end }}]
        test: [{{ test_start }}, {{ test_end }}]
      handler:
        class: DataHandlerLP
        module_path: qlib.contrib.data.handler
        kwargs:
          instruments: csi300
          start_time: {{ train_start }}
          end_time: {{ test_end }}
          data_loader:
            class: NestedDataLoader
            kwargs:
              dataloader_l:
%(loaders)s\
  record: [{class: SignalRecord}, {class: SigAnaRecord}, {class: PortAnaRecord}]
port_analysis_config:
  strategy: {class: TopkDropoutStrategy, kwargs: {signal: <PRED>, topk: 50, n_drop: 5}}
  backtest:
    start_time: {{ test_start }}
    end_time: {{ test_end }}
    account: 100000000
    benchmark: SH000300
    exchange_kwargs:
      limit_threshold: 0.095
      deal_price: close
      open_cost: 0.0005
      close_cost: 0.0015
      min_cost: 5
"""

MODEL = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, num_features: int, num_timesteps: int | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(num_features, {width}),
            nn.ReLU(),
            nn.Dropout({dropout}),
            nn.Linear({width}, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


model_cls = Net
"""


def _configuration(*, boosted: bool, combined: bool) -> str:
    features = "{{ num_features }}" if combined else "20"
    return CONFIGURATION % {
        "model": BOOSTED if boosted else NETWORK % features,
        "data": PLAIN_DATA if boosted else SEQUENCE_DATA,
        "loaders": BASE_LOADER + FILE_LOADER * combined,
    }


COMMON = {"README.md": README, "read_exp_res.py": READER}
TEMPLATES: dict[Action, dict[str, str]] = {
    "factor": COMMON
    | {
        "conf_baseline.yaml": _configuration(boosted=True, combined=False),
        "conf_combined_factors.yaml": _configuration(boosted=True, combined=True),
        "conf_combined_factors_sota_model.yaml": _configuration(boosted=False, combined=True),
    },
    "model": COMMON
    | {
        "conf_baseline_factors_model.yaml": _configuration(boosted=False, combined=False),
        "conf_sota_factors_model.yaml": _configuration(boosted=False, combined=True),
    },
}


def templates(action: Action) -> dict[str, str]:
    """Return the template files of a workspace of this action, by name."""
    return dict(TEMPLATES[action])


def model_source(width: int, dropout: float) -> str:
    """Return the text of a `model.py` with one hidden layer."""
    return MODEL.format(width=width, dropout=dropout)
