from .comparison import agreement as agreement
from .comparison import compare as compare
from .cuts import corrected_cut as corrected_cut
from .pairing import pair as pair
