"""What makes good input pictures, in our own words."""

from __future__ import annotations

from typing import Final

PHOTO_GUIDE: Final = """\
# Good photos for a training

A model of a person becomes as good as the photos it learns from. 15 to 20 good ones beat 30 of any kind; 10 is the \
least, 30 the most.

- **One person.** Alone in the picture, face uncovered, nothing over the eyes in most of them.
- **Sharp and original.** Straight from the camera or phone, not copies out of a chat; at least 1,000 pixels wide.
- **Different.** Several days, clothes, places and kinds of light. What is the same in all of them, the model learns \
as a part of the subject.
- **Near and far.** About half face and shoulders, a third from the waist up, a few whole.
- **Several sides.** Mostly from the front, some turned a little to either side, with different expressions.
- **No edits.** No filters, no collages, no text, no heavy make-up that is not worn every day.

check_photos judges a folder on this machine, free, and says what is missing. prepare_photos sends the best ones, \
without those in leave_out and with those in keep, and removes place, time and other hidden data \
before. The person in the photos has to agree first.
"""
