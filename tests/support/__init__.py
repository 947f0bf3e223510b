"""What tests share: the slow oracle of the appraisal and logs made by chance."""
