from .frames import from_frame as from_frame
from .frames import to_frame as to_frame
from .tables import annotate_table as annotate_table
from .tables import from_database as from_database
from .tables import to_database as to_database
