"""Builds an nbgrader course from the exercises, and grades what was handed in.

FOLDER/nbgrader_config.py     grades come from GradeApart
FOLDER/source/ch02/           the instructor's notebook: solutions, hidden lines
FOLDER/release/ch02/          the students' notebook
FOLDER/handout/NAME/ch02/     the same with a student's own twists, where a roster was given
FOLDER/submitted/NAME/ch02/   where their work goes; received/ has it mended, autograded/ graded
FOLDER/feedback/NAME/ch02/    what the student is told
FOLDER/gradebook.db           nbgrader's: the points; grades.csv and others are written from it
FOLDER/remarks.json           what keeps work from being graded, and what a teacher should look at
"""

from tutorial_lib.classroom.building import build_course, hand_out
from tutorial_lib.classroom.gradebook import NOTHING
from tutorial_lib.classroom.grading import grade_course, misplaced, submissions
from tutorial_lib.classroom.nbgrader_api import CourseError, need_nbgrader
from tutorial_lib.classroom.roster import folder_name

__all__ = [
    "NOTHING",
    "CourseError",
    "build_course",
    "folder_name",
    "grade_course",
    "hand_out",
    "misplaced",
    "need_nbgrader",
    "submissions",
]
