# What every config of this package adds to mmpretrain's or mmdet's: a runner, whose docstring says what it adds.
custom_imports = dict(imports=['mmhssakd'])
runner_type = 'mmhssakd.Runner'
custom_hooks = [dict(type='mmhssakd.NonFiniteLossHook')]
