"""The network: its size, its shapes, and nothing drawn before it has learned."""

from __future__ import annotations

import pytest
import torch

from relip.render.network import INPUTS, ShotNet


def test_parameters():
    count = sum(p.numel() for p in ShotNet().parameters())
    assert 800_000 < count < 1_100_000
    assert 800_000 < sum(p.numel() for p in ShotNet(4).parameters()) < 1_100_000


@pytest.mark.parametrize(
    "fold, height, width", [(2, 16, 16), (2, 64, 96), (2, 112, 48), (4, 32, 32), (4, 64, 96)]
)
def test_shapes_and_zero_start(fold: int, height: int, width: int):
    torch.manual_seed(0)
    network = ShotNet(fold).eval()
    with torch.inference_mode():
        output = network(torch.randn(2, INPUTS, height, width))
    assert output.shape == (2, 3, height, width)
    assert not output.any()


def test_every_parameter_learns():
    """After one step from the zero start, all weights get a gradient: nothing is cut off."""
    torch.manual_seed(0)
    network = ShotNet()
    for value in network.out.parameters():
        torch.nn.init.normal_(value, std=0.1)
    network(torch.randn(1, INPUTS, 32, 32)).square().mean().backward()
    for name, value in network.named_parameters():
        assert value.grad is not None and value.grad.abs().max() > 0, name


def test_pictures_of_a_batch_do_not_touch_each_other():
    torch.manual_seed(0)
    network = ShotNet().eval()
    for value in network.out.parameters():
        torch.nn.init.normal_(value, std=0.1)
    pair = torch.randn(2, INPUTS, 32, 48)
    with torch.inference_mode():
        together = network(pair)
        alone = network(pair[1:])
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-5)


def test_layout_does_not_change_the_picture():
    torch.manual_seed(0)
    network = ShotNet().eval()
    for value in network.out.parameters():
        torch.nn.init.normal_(value, std=0.1)
    x = torch.randn(1, INPUTS, 32, 48)
    with torch.inference_mode():
        plain = network(x)
        placed = network.placed(torch.device("cpu"))
        other = placed(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(plain, other, atol=1e-5, rtol=1e-5)


def test_sees_far_enough():
    """A mark at the window's edge reaches the other side: the mouth knows the whole jaw."""
    torch.manual_seed(0)
    network = ShotNet().eval()
    for value in network.out.parameters():
        torch.nn.init.normal_(value, std=0.1)
    x = torch.zeros(1, INPUTS, 64, 64)
    marked = x.clone()
    marked[..., 60:, 60:] = 3.0
    with torch.inference_mode():
        change = (network(marked) - network(x)).abs()
    assert change[..., :8, :8].max() > 0


@pytest.mark.parametrize("fold, height, width", [(2, 16, 16), (2, 48, 80), (4, 32, 64)])
def test_drawing_is_what_was_learned(fold: int, height: int, width: int):
    """What is learned puts the levels together at full size, drawing works below it."""
    torch.manual_seed(0)
    network = ShotNet(fold).eval()
    for value in network.parameters():
        # all norms and biases of their own, large enough to show
        torch.nn.init.normal_(value, std=0.1)
    x = torch.randn(2, INPUTS, height, width)
    learned = network(x).detach()
    with torch.inference_mode():
        drawn = network(x)
    assert learned.std() > 0.1
    torch.testing.assert_close(drawn, learned, atol=2e-5 * float(learned.abs().max()), rtol=0)


def test_weights_that_change_are_drawn_with():
    """The filters that drawing keeps parted are those of the weights as they are now."""
    torch.manual_seed(0)
    network = ShotNet().eval()
    x = torch.randn(1, INPUTS, 32, 32)

    def drawn() -> torch.Tensor:
        with torch.inference_mode():
            return network(x).clone()

    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.1)
    first = drawn()
    torch.testing.assert_close(drawn(), first, atol=0, rtol=0)
    with torch.no_grad():
        network.up[0].conv1.weight.mul_(2)
    second = drawn()
    torch.testing.assert_close(second, network(x).detach(), atol=1e-4, rtol=1e-4)
    assert not torch.equal(first, second)
    other = ShotNet().eval()
    for value in other.parameters():
        torch.nn.init.normal_(value, std=0.1)
    network.load_state_dict(other.state_dict())
    torch.testing.assert_close(drawn(), other(x).detach(), atol=1e-4, rtol=1e-4)
