# What every config of this package adds to mmpretrain's or mmdet's.
custom_imports = dict(imports=['mmhssakd'])
custom_hooks = [dict(type='mmhssakd.NonFiniteLossHook')]
