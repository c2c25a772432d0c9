# The student's weights, gradients and optimizer state spread over the GPUs (FSDP), by mmengine's FlexibleRunner:
# the config that inherits this says runner_type = 'mmhssakd.FlexibleRunner'.
strategy = dict(
    type='FSDPStrategy',
    model_wrapper=dict(
        auto_wrap_policy=dict(type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy', min_num_params=int(1e6))
    ),
    state_dict_cfg='full',
)  # checkpoints are whole, as those of the other configs
