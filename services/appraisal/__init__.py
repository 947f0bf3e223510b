"""The appraisal: turns the other services' events into scores per county that anyone can follow."""
