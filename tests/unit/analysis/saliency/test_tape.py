"""Playing a tape is the derivative, however little of it a tangent reaches."""

import pytest
import torch

from analysis.saliency.tape import Tape


def jacobian(function, point, which):
    """[*value, *shape of the point], float64, one backward pass an entry."""

    def of_one(given):
        return function([*point[:which], given, *point[which + 1 :]])

    return torch.autograd.functional.jacobian(of_one, point[which])


def assert_plays_the_derivative(function, *point):
    tape = Tape(function, point)
    for which, each in enumerate(point):
        tangents = torch.randn(3, *each.shape, dtype=each.dtype)
        expected = torch.stack(
            [
                torch.tensordot(jacobian(function, point, which), tangent, each.dim())
                for tangent in tangents
            ]
        )
        torch.testing.assert_close(tape.play(which, tangents), expected)


@pytest.fixture(autouse=True)
def same_numbers_every_time():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def test_what_a_network_is_made_of():
    weight, bias, ids = random(4, 6), random(4), torch.tensor([2, 0, 1])
    norm = torch.nn.LayerNorm(6).double()

    def network(given):
        (x,) = given
        queries = torch.nn.functional.linear(norm(x), weight, bias)
        scores = (queries @ queries.mT / 3).softmax(-1)
        first, second = (scores @ queries).chunk(2, dim=-1)
        y = torch.cat([torch.nn.functional.silu(first) * second, x[ids, :1]], dim=1)
        return y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-3)

    assert_plays_the_derivative(network, random(3, 6))


def test_tensors_that_meet_late_or_not_at_all():
    def meeting(given):
        x, y, z = given
        return torch.cat([x.sin() + y.exp() * x, y.cos() + 1.0, (z * 0).sum()[None]])

    assert_plays_the_derivative(meeting, random(4), random(4), random(2))


def test_a_tangent_for_which_a_sum_vanishes_is_no_zero():
    """Recorded along a direction that centring takes to zero, played along others."""
    assert_plays_the_derivative(lambda given: given[0] + (given[0] - given[0].mean()), random(5))


def test_products_with_one_constant_after_the_other_are_played_as_one():
    first, second = random(3), random(2, 3)

    def products(given):
        (x,) = given
        return torch.nn.functional.silu(x * first) * second * 0.5

    assert_plays_the_derivative(products, random(2, 3))
    assert len(Tape(products, [random(2, 3)])._steps) == 1


def test_a_product_that_others_read_stays():
    first, second = random(3), random(3)

    def products(given):
        y = given[0] * first
        return y * second + y.flip(0)

    assert_plays_the_derivative(products, random(3))


def test_a_tangent_that_changes_in_place_is_multiplied_as_it_was():
    first, second = random(3), random(3)

    def changing(given):
        (x,) = given
        z = x.clone()
        y = z * first
        z.add_(x)
        return y * second + z

    assert_plays_the_derivative(changing, random(3))


def test_constants_that_are_overwritten_later_are_refused():
    def overwriting(given):
        (x,) = given
        kept = torch.full_like(x, 2.0).detach()
        y = x * kept
        kept.zero_()
        return y

    with pytest.raises(NotImplementedError, match="overwritten"):
        Tape(overwriting, [random(3)])
