"""Parzen estimators and their kin: optuna's and hyperopt's models, asked anew from the record."""
