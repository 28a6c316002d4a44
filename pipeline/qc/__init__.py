"""Double programming: the datasets again in SQL, the figures again in R, and how far the roads agree.

`in_sql` and `in_r` take the other road, `compare` puts the roads side by side. What does not belong here: the
scripts of a study (`Study.second_road`, `Study.third_road`), anything a result is made from.
"""
