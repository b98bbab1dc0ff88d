"""The bibliography, by key; each entry says whether the citation was checked against the text.

>>> SOURCES["kramers1940"].year
1940
"""

from dataclasses import dataclass

from eyring.errors import EyringError

__all__ = ["SOURCES", "Source", "bibtex"]


@dataclass(frozen=True)
class Source:
    """One reference.

    Attributes:
        key: How derivations name it.
        authors: Family names and initials, joined by " and ".
        title: As published.
        where: Journal with volume and page, book publisher, or arXiv number.
        year: Of publication.
        verified: Whether statement and equation numbers were checked against the text; False means recalled.
    """

    key: str
    authors: str
    title: str
    where: str
    year: int
    verified: bool = False

    def bibtex(self) -> str:
        """Return the entry for a .bib file."""
        note = "" if self.verified else ",\n  note = {citation not verified against the text}"
        return f"@misc{{{self.key},\n  author = {{{self.authors}}},\n  title = {{{self.title}}},\n  howpublished = {{{self.where}}},\n  year = {{{self.year}}}{note}\n}}"

    def __str__(self) -> str:
        status = "" if self.verified else " [citation not verified against the text]"
        return f"{self.authors} ({self.year}). {self.title}. {self.where}.{status}"


_ENTRIES = (
    Source("gardiner2009", "Gardiner, C. W.", "Stochastic Methods: A Handbook for the Natural and Social Sciences", "Springer, 4th ed., sec. 5.5", 2009),
    Source("wong2001", "Wong, R.", "Asymptotic Approximations of Integrals", "SIAM, ch. II and IX (Laplace's method)", 2001),
    Source("kramers1940", "Kramers, H. A.", "Brownian motion in a field of force and the diffusion model of chemical reactions", "Physica 7, 284", 1940),
    Source("langer1969", "Langer, J. S.", "Statistical theory of the decay of metastable states", "Annals of Physics 54, 258", 1969),
    Source("bovier2004", "Bovier, A. and Eckhoff, M. and Gayrard, V. and Klein, M.", "Metastability in reversible diffusion processes I: sharp asymptotics for capacities and exit times", "J. Eur. Math. Soc. 6, 399", 2004),
    Source("haenggi1990", "Haenggi, P. and Talkner, P. and Borkovec, M.", "Reaction-rate theory: fifty years after Kramers", "Rev. Mod. Phys. 62, 251", 1990),
    Source("xie2021", "Xie, Z. and Sato, I. and Sugiyama, M.", "A Diffusion Theory For Deep Learning Dynamics: Stochastic Gradient Descent Exponentially Favors Flat Minima", "ICLR 2021, arXiv:2002.03495", 2021),
    Source("jastrzebski2017", "Jastrzebski, S. and Kenton, Z. and Arpit, D. and Ballas, N. and Fischer, A. and Bengio, Y. and Storkey, A.", "Three Factors Influencing Minima in SGD", "arXiv:1711.04623", 2017, verified=True),
    Source("daizhu2018", "Dai, X. and Zhu, Y.", "Towards Theoretical Understanding of Large Batch Training in Stochastic Gradient Descent", "arXiv:1812.00542", 2018),
    Source("daizhu2021", "Dai, X. and Zhu, Y.", "On Large Batch Training and Sharp Minima: A Fokker-Planck Perspective", "arXiv:2112.00987", 2021),
    Source("ziyin2022", "Ziyin, L. and Liu, K. and Mori, T. and Ueda, M.", "Strength of Minibatch Noise in SGD", "ICLR 2022, arXiv:2102.05375", 2022, verified=True),
    Source("mori2021", "Mori, T. and Ziyin, L. and Liu, K. and Ueda, M.", "Power-law escape rate of SGD", "arXiv:2105.09557", 2021, verified=True),
    Source("melnikov1986", "Mel'nikov, V. I. and Meshkov, S. V.", "Theory of activated rate processes: exact solution of the Kramers problem", "J. Chem. Phys. 85, 1018", 1986),
    Source("mandt2017", "Mandt, S. and Hoffman, M. D. and Blei, D. M.", "Stochastic Gradient Descent as Approximate Bayesian Inference", "JMLR 18, 1", 2017),
    Source("liu2021", "Liu, K. and Ziyin, L. and Ueda, M.", "Noise and Fluctuation of Finite Learning Rate Stochastic Gradient Descent", "ICML 2021, arXiv:2012.03636", 2021),
    Source("freidlin2012", "Freidlin, M. I. and Wentzell, A. D.", "Random Perturbations of Dynamical Systems", "Springer, 3rd ed., ch. 4-6", 2012),
    Source("azizian2024", "Azizian, W. and Iutzeler, F. and Malick, J. and Mertikopoulos, P.", "What is the Long-Run Distribution of Stochastic Gradient Descent? A Large Deviations Analysis", "ICML 2024, arXiv:2406.09241", 2024),
    Source("ibayashi2021", "Ibayashi, H. and Imaizumi, M.", "Quasi-potential theory for escape problem: Quantitative sharpness effect on SGD's escape from local minima", "arXiv:2111.04004", 2021),
    Source("imkeller2006", "Imkeller, P. and Pavlyukevich, I.", "First exit times of SDEs driven by stable Levy processes", "Stoch. Proc. Appl. 116, 611", 2006),
    Source("nguyen2019", "Nguyen, T. H. and Simsekli, U. and Gurbuzbalaban, M. and Richard, G.", "First Exit Time Analysis of Stochastic Gradient Descent Under Heavy-Tailed Gradient Noise", "NeurIPS 2019, arXiv:1906.09069", 2019),
    Source("simsekli2019", "Simsekli, U. and Sagun, L. and Gurbuzbalaban, M.", "A Tail-Index Analysis of Stochastic Gradient Noise in Deep Neural Networks", "ICML 2019, arXiv:1901.06053", 2019),
    Source("litaie2019", "Li, Q. and Tai, C. and E, W.", "Stochastic Modified Equations and Dynamics of Stochastic Gradient Algorithms I: Mathematical Foundations", "JMLR 20, 40", 2019),
    Source("zygalakis2011", "Zygalakis, K. C.", "On the Existence and the Applications of Modified Equations for Stochastic Differential Equations", "SIAM J. Sci. Comput. 33, 102", 2011),
    Source("welling2011", "Welling, M. and Teh, Y. W.", "Bayesian Learning via Stochastic Gradient Langevin Dynamics", "ICML 2011, 681", 2011),
    Source("yaida2019", "Yaida, S.", "Fluctuation-dissipation relations for stochastic gradient descent", "ICLR 2019, arXiv:1810.00004", 2019),
    Source("zhu2019", "Zhu, Z. and Wu, J. and Yu, B. and Wu, L. and Ma, J.", "The Anisotropic Noise in Stochastic Gradient Descent: Its Behavior of Escaping from Sharp Minima and Regularization Effects", "ICML 2019, arXiv:1803.00195", 2019),
    Source("meng2020", "Meng, Q. and Gong, S. and Chen, W. and Ma, Z.-M. and Liu, T.-Y.", "Dynamic of Stochastic Gradient Descent with State-Dependent Noise", "arXiv:2006.13719", 2020),
    Source("kesten1973", "Kesten, H.", "Random difference equations and renewal theory for products of random matrices", "Acta Math. 131, 207", 1973),
    Source("chaudhari2018", "Chaudhari, P. and Soatto, S.", "Stochastic gradient descent performs variational inference, converges to limit cycles for deep networks", "ICLR 2018, arXiv:1710.11029", 2018),
    Source("pavliotis2008", "Pavliotis, G. A. and Stuart, A. M.", "Multiscale Methods: Averaging and Homogenization", "Springer, ch. 10 and 17 (averaging)", 2008),
    Source("malladi2022", "Malladi, S. and Lyu, K. and Panigrahi, A. and Arora, S.", "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms", "NeurIPS 2022, arXiv:2205.10287", 2022),
    Source("xie2022", "Xie, Z. and Wang, X. and Zhang, H. and Sato, I. and Sugiyama, M.", "Adaptive Inertia: Disentangling the Effects of Adaptive Learning Rate and Momentum", "ICML 2022, arXiv:2006.15815", 2022),
    Source("nesterov1983", "Nesterov, Y.", "A method for solving the convex programming problem with convergence rate O(1/k^2)", "Soviet Mathematics Doklady 27, 372", 1983),
    Source("loshchilov2019", "Loshchilov, I. and Hutter, F.", "Decoupled Weight Decay Regularization", "ICLR 2019, arXiv:1711.05101", 2019),
    Source("metafune2002", "Metafune, G. and Pallara, D. and Priola, E.", "Spectrum of Ornstein-Uhlenbeck operators in L^p spaces with respect to invariant measures", "J. Funct. Anal. 196, 40", 2002),
    Source("marchenko1967", "Marchenko, V. A. and Pastur, L. A.", "Distribution of eigenvalues for some sets of random matrices", "Math. USSR Sbornik 1, 457", 1967),
    Source("bakry2014", "Bakry, D. and Gentil, I. and Ledoux, M.", "Analysis and Geometry of Markov Diffusion Operators", "Springer, ch. 4 (Poincare inequality and spectral gap)", 2014),
    Source("bouchet2016", "Bouchet, F. and Reygner, J.", "Generalisation of the Eyring-Kramers transition rate formula to irreversible diffusion processes", "Ann. Henri Poincare 17, 3499", 2016),
    Source("grafke2024", "Grafke, T. and Schaefer, T. and Vanden-Eijnden, E.", "Sharp asymptotic estimates for expectations, probabilities, and mean first passage times in stochastic systems with small noise", "Comm. Pure Appl. Math. 77, 2268, arXiv:2103.04837", 2024),
    Source("villani2009", "Villani, C.", "Hypocoercivity", "Memoirs of the American Mathematical Society 202, no. 950", 2009),
)  # fmt: skip

SOURCES: dict[str, Source] = {entry.key: entry for entry in _ENTRIES}


def bibtex(*keys: str) -> str:
    """Return the BibTeX of the named sources, in the order given.

    Raises:
        EyringError: If a key is unknown; the message lists the known ones.
    """
    unknown = [k for k in keys if k not in SOURCES]
    if unknown:
        raise EyringError(f"unknown source {', '.join(unknown)}; known: {', '.join(SOURCES)}")
    return "\n\n".join(SOURCES[k].bibtex() for k in dict.fromkeys(keys))
