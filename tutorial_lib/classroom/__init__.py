"""Courses made from the exercises, and grades that no student's code can touch.

module             what it holds
course             what a teacher calls: build, hand out, grade
building           the assignments, their release, each student's own notebook
assignment         the notebook of a chapter, from which nbgrader makes the students'
hidden             the line of a graded cell that no student sees
variants           the exercises with a twist
written_questions  questions that need words
roster             the students, and the tables that a learning platform takes
collecting         a platform's download, sorted
received           what a student sent, as the notebook that is graded; or refused
mended             cells that were copied, deleted or retyped
grading            each submission by itself, whatever becomes of the others
nbgrader_api       nbgrader with a course's configuration
preprocessor       where nbgrader asks for points
worker_process     a process for one student's code, seen from the grader
worker             the same from inside: it knows inputs, never what is expected
sandbox, landlock  what that process gives up
notebook_shell     the Python of a notebook, harmless while work is graded
wire, remote       values as bytes; checks of a function that lives elsewhere
gradebook          points and remarks, and the tables that are written from them
grades_table       grades.csv, and the same as text
feedback           what a student reads
class_report       what the class got right and wrong
"""
