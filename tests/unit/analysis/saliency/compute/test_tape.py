"""Playing a tape is the derivative, however little of it a tangent reaches."""

import pytest
import torch

from analysis.saliency.compute.steps import MULTIPLIED
from analysis.saliency.compute.tail import pulled_back
from analysis.saliency.compute.tape import Tape


def taped(function, *point):
    return Tape(lambda given: function(*given), point)


def jacobian(function, point, which):
    """[*value, *shape of the point], float64, one backward pass an entry."""

    def of_one(given):
        return function(*point[:which], given, *point[which + 1 :])

    return torch.autograd.functional.jacobian(of_one, point[which])


def assert_plays_the_derivative(function, *point, steps=None):
    """In as many steps as said."""
    tape = taped(function, *point)
    assert steps in (None, len(tape._steps))
    for which, each in enumerate(point):
        tangents = torch.randn(3, *each.shape, dtype=each.dtype)
        slopes = jacobian(function, point, which)
        expected = torch.stack([torch.tensordot(slopes, one, each.dim()) for one in tangents])
        torch.testing.assert_close(tape.player()(which, tangents), expected)


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

    def network(x):
        queries = torch.nn.functional.linear(norm(x), weight, bias)
        scores = (queries @ queries.mT / 3).softmax(-1)
        first, second = (scores @ queries).chunk(2, dim=-1)
        y = torch.cat([torch.nn.functional.silu(first) * second, x[ids, :1]], dim=1)
        return y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-3)

    assert_plays_the_derivative(network, random(3, 6))


def test_tensors_that_meet_late_or_not_at_all():
    def meeting(x, y, z):
        return torch.cat([x.sin() + y.exp() * x, y.cos() + 1.0, (z * 0).sum()[None]])

    assert_plays_the_derivative(meeting, random(4), random(4), random(2))


def test_a_tangent_for_which_a_sum_vanishes_is_no_zero():
    """Recorded along a direction that centring takes to zero, played along others."""
    assert_plays_the_derivative(lambda x: x + (x - x.mean()), random(5))


def test_products_with_one_constant_after_the_other_are_played_as_one():
    first, second = random(3), random(2, 3)

    def products(x):
        return torch.nn.functional.silu(x * first) * second * 0.5

    assert_plays_the_derivative(products, random(2, 3), steps=1)


def test_a_product_that_others_read_stays():
    first, second = random(3), random(3)

    def products(x):
        y = x * first
        return y * second + y.flip(0)

    assert_plays_the_derivative(products, random(3))


def test_a_tangent_that_changes_in_place_is_multiplied_as_it_was():
    first, second = random(3), random(3)

    def changing(x):
        z = x.clone()
        y = z * first
        z.add_(x)
        return y * second + z

    assert_plays_the_derivative(changing, random(3))


def test_constants_that_are_overwritten_later_count_as_they_were():
    def overwriting(x):
        kept = torch.full_like(x, 2.0).detach()
        y = x * kept
        kept[1:].zero_()
        return y + x * kept

    # A backward pass refuses that.
    tangents = random(2, 3)
    played = taped(overwriting, random(3)).player()(0, tangents)
    torch.testing.assert_close(played, tangents * torch.tensor([4.0, 2.0, 2.0]).double())


def test_what_is_written_into_slices_is_read_as_a_whole():
    def slices(x, y):
        out = torch.zeros(3, 4, dtype=x.dtype)
        for row in range(2):
            out[row] = x * (row + 1)
        out[2, 1:3] = y
        early = out[:, 1].clone()
        out[1] = 0
        out[:, 3] += out[0, :3].clone()
        return torch.cat([out.sin().flatten(), early])

    assert_plays_the_derivative(slices, random(4), random(2))


def test_a_view_taken_before_a_write_shows_it():
    def viewed(x):
        y = x * 2
        view = y.view(2, 2).t()
        y.mul_(x)
        view[0] += 1.0
        y[1:3] = (y[1:3] + view[1, 0]).clone()
        return torch.cat([view.reshape(-1).exp(), y])

    assert_plays_the_derivative(viewed, random(4))


def test_what_is_scattered_and_filled_in_place_is_followed():
    places = torch.tensor([2, 0])

    def scattered(x):
        out = torch.ones(4, 3, dtype=x.dtype)
        out[places] = x
        out.index_add_(0, torch.tensor([1, 2]), x * 3)
        out.masked_fill_(torch.eye(4, 3, dtype=torch.bool), 0.5)
        out[3].fill_(x[0, 0])
        return out * out

    assert_plays_the_derivative(scattered, random(2, 3))


def test_a_value_that_no_tangent_reaches_has_no_tape():
    with pytest.raises(NotImplementedError, match="no tangent"):
        Tape(lambda given: torch.ones(3, dtype=torch.float64), [random(3)])


def test_sums_of_products_are_played_as_one():
    first, second, third = random(3), random(2, 1), random(2, 3)

    def sums(x):
        return (x * first + x.mean(-1, keepdim=True) * second) * third + x

    # The mean, and all the rest.
    assert_plays_the_derivative(sums, random(2, 3), steps=2)


def test_a_sum_of_which_a_part_is_read_again_is_played_in_parts():
    first, second = random(3), random(3)

    def sums(x):
        y = x * first + x.flip(0)
        return (y + y.sin()) * second

    assert_plays_the_derivative(sums, random(3))


def test_products_of_matrices_that_the_product_rule_adds_are_played_as_one():
    def products(x, y):
        return x @ y.mT

    point = random(2, 3, 4), random(2, 5, 4)
    assert_plays_the_derivative(products, *point)
    assert [step.operation for step in taped(products, *point)._steps].count(MULTIPLIED) == 1


@pytest.mark.parametrize(
    "softmax",
    [
        lambda x: torch.nn.functional.softmax(x, dim=-1, dtype=torch.float64),
        lambda x: torch.softmax(x, 0),
        lambda x: x.softmax(dim=1),
        lambda x: torch.nn.functional.softmax(input=x, dim=0),
    ],
)
def test_a_softmax_however_it_is_called(softmax):
    assert_plays_the_derivative(softmax, random(3, 4))


def along(function, seeds, *point):
    """What a player along seeds gives, and the slot it stops at."""
    tape = taped(function, *point)
    tangents = torch.randn(3, *point[0].shape, dtype=point[0].dtype)
    expected = (tape.player()(0, tangents) * seeds).sum(-1)
    torch.testing.assert_close(tape.player_along(seeds)(0, tangents), expected)
    return tape, pulled_back(tape._steps, tape._end, seeds)[0]


def test_seeds_are_pulled_back_through_what_treats_every_row_by_itself():
    mix, up, down = random(5, 5), random(7, 4), random(4, 7)
    linear, silu = torch.nn.functional.linear, torch.nn.functional.silu

    def rows(x):
        mixed = x + (mix @ x).sin()
        return mixed + linear(silu(linear(mixed, up)), down)

    tape, slot = along(rows, random(5, 4), random(5, 4))
    assert slot not in (tape._end, tape._starts[0])


def test_seeds_stay_at_the_end_of_what_mixes_rows():
    mix, weight = random(5, 5), random(4, 4)
    tape, slot = along(lambda x: mix @ (x @ weight.T).sin(), random(5, 4), random(5, 4))
    assert slot is tape._end


def test_seeds_of_another_precision_are_not_rounded():
    weight = torch.randn(4, 4, dtype=torch.bfloat16)
    point = torch.randn(5, 4, dtype=torch.bfloat16)
    tape = Tape(lambda given: torch.nn.functional.linear(given[0], weight), [point])
    seeds = torch.randn(5, 4)
    assert pulled_back(tape._steps, tape._end, seeds)[1] is seeds
    tangents = torch.randn(2, 5, 4, dtype=torch.bfloat16)
    expected = ((tangents @ weight.T).float() * seeds).sum(-1)
    torch.testing.assert_close(tape.player_along(seeds)(0, tangents), expected)
