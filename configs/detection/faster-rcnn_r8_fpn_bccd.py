# The laptop-sized detector on BCCD (364 images of blood cells, VOC layout):
#   python tools/train.py configs/detection/faster-rcnn_r8_fpn_bccd.py --cfg-options data_root=FOLDER
_base_ = './faster-rcnn_r8_fpn_fashion-scenes.py'

data_root = 'data/BCCD'
class_names = ('RBC', 'WBC', 'Platelets')
scale = (160, 120)

train_pipeline = _base_.train_pipeline
train_pipeline[2].scale = scale
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = scale
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            data_root=data_root,
            metainfo=dict(classes=class_names),
            drop_empty_boxes=True,  # two of its images have one
            pipeline=train_pipeline,
        )
    )
)
val_dataloader = dict(
    dataset=dict(data_root=data_root, metainfo=dict(classes=class_names), drop_empty_boxes=True, pipeline=test_pipeline)
)
test_dataloader = val_dataloader
model = dict(roi_head=dict(bbox_head=dict(num_classes=len(class_names))))

max_epochs = 6  # 73 steps each
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=1e-3,
        total_steps=max_epochs,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
