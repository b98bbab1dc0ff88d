"""The court: many trainings run as one plan that survives kills, and every law of escape judged by what they measured."""
