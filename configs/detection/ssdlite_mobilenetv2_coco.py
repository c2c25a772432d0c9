# SSDLite with the distilled MobileNetV2 on COCO (mmdet's recipe).
_base_ = ['mmdet::ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py', '../_base_/voc0712.py']

custom_imports = dict(imports=['mmhssakd', 'mmhssakd.compat.patches'])  # the latter for mmdet's SSD
runner_type = 'mmhssakd.Runner'
custom_hooks = [dict(type='mmhssakd.PretrainedCheckHook')]

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.MobileNetV2',  # the student's own class: mmdet's names its tensors differently
        out_indices=(4, 7),
        init_cfg=dict(
            type='Pretrained', checkpoint='work_dirs/hssakd_mobilenetv2_imagenet/epoch_100.pth', prefix='backbone.'
        ),
    )
)
