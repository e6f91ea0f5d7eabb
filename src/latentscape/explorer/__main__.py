"""``python -m latentscape.explorer ATLAS PAGE.html``: build a page anew, for developing it."""

import sys

from latentscape.atlas import Atlas
from latentscape.explorer.page import build_page
from latentscape.files import write_atomically

write_atomically(sys.argv[2], build_page(Atlas.open(sys.argv[1])))
