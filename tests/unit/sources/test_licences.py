import pytest

from crawlset import licences


class TestNormalise:
    @pytest.mark.parametrize(
        ("raw", "licence"),
        [
            ("https://creativecommons.org/licenses/by/4.0/", "cc-by-4.0"),
            ("http://creativecommons.org/licenses/by/4.0/legalcode", "cc-by-4.0"),
            ("creativecommons.org/licenses/by-sa/3.0/us/", "cc-by-sa-3.0-us"),
            ("https://creativecommons.org/licenses/by/3.0/igo/", "cc-by-3.0-igo"),
            ("https://creativecommons.org/licenses/by-nc-nd/4.0/deed.de", "cc-by-nc-nd-4.0"),
            ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"),
            ("https://creativecommons.org/publicdomain/mark/1.0/", "pdm-1.0"),
            ("http://creativecommons.org/licenses/publicdomain/", "cc-pddc"),
            ("http://rightsstatements.org/vocab/InC/1.0/", "all-rights-reserved"),
            ("http://rightsstatements.org/vocab/InC-EDU/1.0/", "all-rights-reserved"),
            ("http://rightsstatements.org/vocab/NKC/1.0/", "no-known-copyright"),
            ("https://www.flickr.com/commons/usage/", "no-known-copyright"),
            ("https://www.usa.gov/government-works", "us-gov"),
            ("cc-by-sa-4.0", "cc-by-sa-4.0"),
            ("CC BY-SA 4.0", "cc-by-sa-4.0"),
            ("CC BY-SA 4.0,3.0,2.5,2.0,1.0", "cc-by-sa-4.0"),
            ("CC-BY-NC-4.0", "cc-by-nc-4.0"),
            ("CC BY SA NC 2.0", "cc-by-nc-sa-2.0"),
            ("cc_by_2.0", "cc-by-2.0"),
            ("cc-by", "cc-by"),
            ("by-nc-sa", "cc-by-nc-sa"),
            ("by 2.5", "cc-by-2.5"),
            ("Attribution 4.0 International", "cc-by-4.0"),
            ("Attribution-NonCommercial-ShareAlike 4.0 International", "cc-by-nc-sa-4.0"),
            ("Attribution-NoDerivs License", "cc-by-nd"),
            ("Creative Commons Attribution-Share Alike 4.0", "cc-by-sa-4.0"),
            ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "cc-by-4.0"),
            ("(c) Nicolas Noé, some rights reserved (CC BY)", "cc-by"),
            ("CC0", "cc0-1.0"),
            ("cc0-1.0", "cc0-1.0"),
            ("CC0 1.0 Universal", "cc0-1.0"),
            ("cc-zero", "cc0-1.0"),
            ("pdm", "pdm-1.0"),
            ("pdm-1.0", "pdm-1.0"),
            ("Public Domain Mark 1.0", "pdm-1.0"),
            ("pd", "public-domain"),
            ("Public domain", "public-domain"),
            ("Public domain.", "public-domain"),
            ("public-domain", "public-domain"),
            ("pd-old-70", "public-domain"),
            ("PD-Art", "public-domain"),
            ("pd-usgov", "us-gov"),
            ("us-gov", "us-gov"),
            ("United States Government Work", "us-gov"),
            ("No known copyright restrictions", "no-known-copyright"),
            ("No known restrictions on publication.", "no-known-copyright"),
            ("No known restrictions. For information, see http://…", "no-known-copyright"),
            ("There are no known restrictions on publication.", "no-known-copyright"),
            ("Copyrighted", "all-rights-reserved"),
            ("CC BY-SA 3.0 igo", "cc-by-sa-3.0-igo"),
            ("CC BY 2.5 Scotland", "cc-by-2.5-scotland"),
            ("cc-by-sa-3.0-de", "cc-by-sa-3.0-de"),
            ("© 2024 Somebody. All rights reserved.", "all-rights-reserved"),
            ("all-rights-reserved", "all-rights-reserved"),
            ("  CC   BY\t4.0 ", "cc-by-4.0"),
        ],
    )
    def test_gives_one_id_for_every_spelling(self, raw: str, licence: str) -> None:
        assert licences.normalise(raw) == licence

    @pytest.mark.parametrize(
        "raw",
        [
            None,
            "",
            " ",
            "Photo by John",
            "by John Smith",
            "Attribution required",
            "Attribution",
            "free",
            "CC BY 4.0 or CC BY-NC 4.0",
            "https://creativecommons.org/licenses/by-xx/4.0/",
            "https://creativecommons.org/about/",
            "https://example.org/licenses/by/4.0/",
            "Unsplash License",
            "CC BY-SA-ND 4.0",
            "not copyrighted in Nepal",
            "Rights status not evaluated.",
            "Publication may be restricted.",
            "No known restrictions on images made by the U.S. Government; others restricted.",
            "CC BY 4.0 " + "x" * 500,
        ],
    )
    def test_gives_none_when_in_doubt(self, raw: str | None) -> None:
        assert licences.normalise(raw) is None

    def test_takes_the_version_a_source_states_apart(self) -> None:
        assert licences.normalise("by-sa", "3.0") == "cc-by-sa-3.0"
        assert licences.normalise("cc0", "1.0") == "cc0-1.0"
        assert licences.normalise("pdm", "1.0") == "pdm-1.0"

    @pytest.mark.parametrize("family", sorted(licences.FAMILIES))
    def test_gives_back_what_it_gave(self, family: str) -> None:
        licence = licences.normalise(family)

        assert licence is not None
        assert licences.normalise(licence) == licence
        assert licences.family(licence) == family


class TestParseChoice:
    @pytest.mark.parametrize(
        ("text", "choice"),
        [("PD", "pd"), ("any-cc", "any-cc"), ("cc-by", "cc-by"), ("CC BY 4.0", "cc-by-4.0")],
    )
    def test_gives_preset_family_or_id(self, text: str, choice: str) -> None:
        assert licences.parse_choice(text) == choice

    def test_lists_what_there_is_when_unknown(self) -> None:
        with pytest.raises(licences.UnknownLicenceError, match=r"sharealike.*cc-by-nc") as caught:
            licences.parse_choice("gratis")

        assert caught.value.pointer == "/licences"


class TestIsWanted:
    @pytest.mark.parametrize(
        ("choices", "wanted", "unwanted"),
        [
            (
                ["pd"],
                ["cc0-1.0", "pdm-1.0", "us-gov", "cc-pddc", "public-domain"],
                ["cc-by-4.0", "no-known-copyright", None],
            ),
            (["public-domain"], ["public-domain"], ["pdm-1.0", "cc0-1.0"]),
            (["attribution"], ["cc0-1.0", "cc-by-2.0"], ["cc-by-sa-4.0", "cc-by-nc-4.0", None]),
            (["sharealike"], ["cc-by-sa-3.0-us", "cc-by-4.0"], ["cc-by-nd-4.0"]),
            (["any-cc"], ["cc-by-nc-nd-4.0", "cc0-1.0"], ["all-rights-reserved", None]),
            (["any"], ["all-rights-reserved", None, "cc0-1.0"], []),
            ([], ["all-rights-reserved", None], []),
            (["cc-by-4.0"], ["cc-by-4.0"], ["cc-by-3.0", "cc-by", "cc-by-sa-4.0"]),
            (["cc-by"], ["cc-by-4.0", "cc-by-3.0-us", "cc-by"], ["cc-by-sa-4.0"]),
            (["pd", "cc-by-nc-4.0"], ["cc0-1.0", "cc-by-nc-4.0"], ["cc-by-4.0"]),
        ],
    )
    def test_follows_presets_families_and_ids(
        self, choices: list[str], wanted: list[str | None], unwanted: list[str | None]
    ) -> None:
        among = licences.wanted(choices)

        assert [licences.is_wanted(licence, among) for licence in wanted] == [True] * len(wanted)
        assert not any(licences.is_wanted(licence, among) for licence in unwanted)


class TestAddress:
    def test_leads_back_to_the_licence(self) -> None:
        for licence in ("cc-by-4.0", "cc-by-nc-sa-3.0", "cc-by-3.0-igo", "cc0-1.0", "pdm-1.0"):
            assert licences.normalise(licences.address(licence)) == licence

    def test_leads_nowhere_where_there_is_no_text(self) -> None:
        """A work in the public domain does not bear Creative Commons' mark for that."""
        assert licences.address("public-domain") is None


class TestAttribution:
    @pytest.mark.parametrize(
        ("title", "creator", "licence", "sentence"),
        [
            (
                "Tree",
                "Tim",
                "cc-by-4.0",
                (
                    '"Tree" by Tim is licensed under CC BY 4.0. '
                    "To view the terms, visit https://creativecommons.org/licenses/by/4.0/."
                ),
            ),
            (
                None,
                "Tim",
                "cc0-1.0",
                (
                    "This work by Tim is marked with CC0 1.0. "
                    "To view the terms, visit https://creativecommons.org/publicdomain/zero/1.0/."
                ),
            ),
            (
                "Tree",
                None,
                "cc-by-sa",
                '"Tree", creator unknown, from https://a.test/1, is licensed under CC BY-SA.',
            ),
            ("Tree", "Tim", "public-domain", '"Tree" by Tim is in the public domain.'),
            ("Tree", "Tim", "all-rights-reserved", '"Tree" by Tim. All rights reserved.'),
            (
                "Tree",
                None,
                "all-rights-reserved",
                '"Tree", creator unknown, from https://a.test/1, all rights reserved.',
            ),
            ("Tree", "Tim", None, '"Tree" by Tim, licence unknown, from https://a.test/1'),
            (None, "Tim", None, "This work by Tim, licence unknown, from https://a.test/1"),
            ("Tree", None, None, '"Tree", creator and licence unknown, from https://a.test/1'),
            (
                None,
                None,
                "cc-by",
                "This work, creator unknown, from https://a.test/1, is licensed under CC BY.",
            ),
            (None, None, None, None),
        ],
    )
    def test_says_what_is_known(
        self, title: str | None, creator: str | None, licence: str | None, sentence: str | None
    ) -> None:
        found = licences.attribution(title, creator, licence, "https://a.test/1")

        assert found == sentence
