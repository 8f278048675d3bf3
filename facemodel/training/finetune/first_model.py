"""The network that a run begins or goes on with: of the table, of a finished model, or of a checkpoint."""

from __future__ import annotations

from ...network.model import FaceModel, build_model, input_spec, make_model
from ...network.pretrained import Pretrained
from ...network.started.network import GRAPH
from ..checkpoint import Checkpoint
from ..inputs import Inputs
from ..run_folder import RunFolder


def first_model(
    folder: RunFolder, inputs: Inputs, checkpoint: Checkpoint | None
) -> tuple[FaceModel, list[str]]:
    """Return a run's network, and lines that say where its weights come from and what is frozen.

    Args:
        folder: of the run.
        inputs: what it trains on.
        checkpoint: what a resumed run goes on from: it has the weights, and the description of a network that
            came from a finished model, so nothing is downloaded or opened. None for a new run.

    Raises:
        UsageError: no such backbone or rule; or the images are too small.
        SpecError: the set's crops are not like those that the start was trained on.
        WeightsError: ``--weights FILE`` does not exist, or is not what ``--weights-sha256`` says.
        ArchitectureError: the file's weights are another network's.
    """
    config, start = folder.config, folder.start
    if checkpoint is None:
        spec = input_spec(config, inputs.prepared, None if start is None else start.graph)
        return make_model(config, spec, start)
    graph, values = checkpoint.tensors.get(f"objective.model.{GRAPH}"), checkpoint.values
    model = build_model(config, input_spec(config, inputs.prepared, graph), graph)
    model.pretrained = Pretrained(*values["pretrained"])
    model.freeze(values["frozen"])
    return model, [model.pretrained.line]
