"""Stop a run whose checkpoint does not fit its model."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmhssakd.registry import HOOKS
from mmhssakd.utils.checkpoint import compare


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Every tensor of the model must be in the checkpoint that is tested or resumed, with the same shape.

    mmengine loads what fits, leaves the rest at random, and warns. Tensors that the model lacks (a teacher's or
    student's branches) are no error.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes before mmengine copies the tensors.

        Raises:
            ValueError: Tensors are missing or of another shape; the message lists them.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        tensors = checkpoint.get('state_dict', checkpoint)
        found = {name.removeprefix('module.'): value for name, value in tensors.items()}
        expected = model.state_dict()
        difference = compare(expected, {name: value for name, value in found.items() if name in expected})
        if difference:
            raise ValueError(
                f"The checkpoint does not fit the config's model ({type(model).__name__}): is it a teacher's where a "
                f"student's is needed, or of another architecture or another number of classes?\n{difference}"
            )
