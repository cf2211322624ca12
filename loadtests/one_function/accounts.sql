-- Accounts m-1 to m-N, as psql's variable `accounts` says.
INSERT INTO account
SELECT 1, 'm-' || number, 'active', 0, 0, 0, now() FROM generate_series(1, :accounts) AS number;
