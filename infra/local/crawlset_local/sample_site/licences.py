"""The licences the sample site's works claim; which work claims which is made up."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    code: str
    name: str
    url: str | None


CC0 = Licence("cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/")
CC_BY = Licence("cc-by-4.0", "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/")
CC_BY_SA = Licence(
    "cc-by-sa-4.0", "CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0/"
)
CC_BY_NC = Licence(
    "cc-by-nc-4.0", "CC BY-NC 4.0", "https://creativecommons.org/licenses/by-nc/4.0/"
)
ALL_RIGHTS_RESERVED = Licence("all-rights-reserved", "All rights reserved", None)

# Mostly free, as on a real image search; `None` is a work that says nothing.
ROTATION: tuple[Licence | None, ...] = (
    CC0,
    CC_BY,
    CC_BY_SA,
    CC0,
    CC_BY,
    CC_BY_NC,
    CC0,
    CC_BY,
    CC_BY_SA,
    ALL_RIGHTS_RESERVED,
    CC0,
    CC_BY,
    None,
)
