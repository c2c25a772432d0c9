import pytest

from mmhssakd.experiments.answer import answer


def results(metric='accuracy/top1', seconds=(10.0, 20.0, 30.0, 70.0), **arms):
    return [
        dict(name=name, seed=seed, metrics={metric: value}, seconds=cost)
        for (name, values), cost in zip(arms.items(), seconds)
        for seed, value in enumerate(values)
    ]


ARMS = dict(teacher=[90.0], CE=[50.0, 60.0, 61.0], KD=[52.0, 61.0, 64.0], HSSAKD=[54.0, 62.0, 67.0])


def test_the_last_arm_over_the_last_baseline():
    said = 'HSSAKD: +2.00 points over KD (95 % interval -0.48 to +4.48, 3 seeds), at 2.3 times its training time'
    assert answer(results(**ARMS), ['CE', 'KD', 'detector from KD']) == said + '; the interval includes zero.'


def test_an_arm_by_name():
    said = answer(results(**ARMS), ['CE'], name='KD')
    assert said.startswith('KD: +2.00 points over CE (95 % interval -0.48 to +4.48, 3 seeds), at 1.5 times')


def test_an_interval_above_zero():
    said = answer(results(KD=[52.0, 61.0], HSSAKD=[54.0, 63.1]), ['KD'])
    assert (
        said == 'HSSAKD: +2.05 points over KD (95 % interval +1.41 to +2.69, 2 seeds), at 2.0 times its training time.'
    )


def test_one_seed_has_no_interval():
    said = answer(results(KD=[52.0], HSSAKD=[51.0]), ['KD'])
    assert said == 'HSSAKD: -1.00 points over KD (one seed, so no interval), at 2.0 times its training time.'


def test_unknown_seconds_and_units():
    said = answer(results('rmse', seconds=[None, None], old=[0.25], new=[0.5]), ['old'])
    assert said == 'new: +0.2500 over old (one seed, so no interval).'


@pytest.mark.parametrize(
    'arms, baselines, said',
    [
        (ARMS, [], 'teacher: 90.00 % (accuracy/top1, one seed, the highest of 4).'),
        (ARMS, ['none'], 'teacher: 90.00 % (accuracy/top1, one seed, the highest of 4).'),
        (dict(CE=[50.0, 60.0]), ['CE'], 'CE: 55.00 ± 7.07 % (accuracy/top1, 2 seeds).'),
        (dict(CE=[50.0, 60.0], KD=[70.0]), ['CE'], 'KD: 70.00 % (accuracy/top1, one seed, the highest of 2).'),
    ],
)
def test_nothing_to_compare(arms, baselines, said):
    assert answer(results(**arms), baselines) == said
