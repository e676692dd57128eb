"""Estimators behind the answers: small pure functions of arrays, scipy and statsmodels first."""
