"""What the page's modules compute, by what Python computes."""

import numpy as np
import pytest

from gansynth_zoo import latents as latent_priors


def test_fourier_transform(page, rng):
    signal = rng.normal(size=64)
    real, imaginary = page.evaluate(
        """async (signal) => {
          const {fft} = await import("/page/picture.js");
          const [re, im] = [signal, signal.map(() => 0)];
          fft(re, im);
          return [re, im];
        }""",
        signal.tolist(),
    )
    expected = np.fft.fft(signal)
    np.testing.assert_allclose(real, expected.real, atol=1e-10)
    np.testing.assert_allclose(imaginary, expected.imag, atol=1e-10)


IN_SPACE = """async ([prior, method, values, most]) => {
  const {Space} = await import("/page/latents.js");
  const about = {latent_prior: prior, latent_truncation: most ?? null};
  const space = new Space(about);
  return space[method](...values);
}"""


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_interpolation_is_that_of_python(page, rng, prior):
    ends = rng.uniform(-1, 1, [2, 8]).astype("f4")
    for t in (0.0, 0.3, 1.0):
        values = [prior, "between", [*ends.tolist(), t]]
        expected = latent_priors.interpolate(prior, *ends, [t])[0]
        np.testing.assert_allclose(
            page.evaluate(IN_SPACE, values), expected, atol=1e-5
        )


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_mutations_keep_to_the_prior(page, rng, prior):
    draw = {"uniform": rng.uniform, "normal": rng.normal}[prior]
    before = draw({"uniform": -1, "normal": 0}[prior], 1, 20000)
    deciles = np.linspace(0.1, 0.9, 9)
    for strength, least, most in ((0.2, 0.7, 1), (1.0, -0.05, 0.05)):
        values = [prior, "mutated", [before.tolist(), strength]]
        after = np.array(page.evaluate(IN_SPACE, values))
        np.testing.assert_allclose(
            np.quantile(after, deciles), np.quantile(before, deciles), atol=0.05
        )
        assert least < np.corrcoef(before, after)[0, 1] < most


def test_mutations_keep_to_a_truncated_prior(page, rng):
    before = rng.uniform(-0.4, 0.4, 20000)
    values = ["uniform", "mutated", [before.tolist(), 0.5], 0.4]
    after = np.array(page.evaluate(IN_SPACE, values))
    deciles = np.linspace(0, 1, 11)
    np.testing.assert_allclose(
        np.quantile(after, deciles), np.quantile(before, deciles), atol=0.02
    )
