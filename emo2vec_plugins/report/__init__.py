"""A recording's emotions to look at: a page with sound, pictures, and what notebooks show."""
