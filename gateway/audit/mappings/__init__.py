"""Records in the words of others: OCSF, ECS, CEF and OpenTelemetry. Pure: a record in, a value out."""
