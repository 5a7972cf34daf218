CREATE VIEW factor_duplicates AS
WITH anchors AS (
    SELECT values_sha256, unnest(value_fingerprint) AS anchor
    FROM (
        SELECT values_sha256, max(value_fingerprint) AS value_fingerprint
        FROM factor_contents
        GROUP BY values_sha256
    )
),
alike AS (
    SELECT ones.values_sha256 AS one_sha256, others.values_sha256 AS other_sha256, count(*) AS shared
    FROM anchors AS ones
    JOIN anchors AS others ON others.anchor = ones.anchor
    GROUP BY ones.values_sha256, others.values_sha256
    HAVING count(*) >= 3
),
-- MATERIALIZED keeps the joins in this order. Otherwise DuckDB may join all names with all names.
named_once AS MATERIALIZED (
    SELECT alike.*, contents.name
    FROM alike
    JOIN factor_contents AS contents ON contents.values_sha256 = alike.one_sha256
),
pairs AS MATERIALIZED (
    SELECT
        ones.name,
        others.name AS other_name,
        ones.shared,
        ones.one_sha256 = ones.other_sha256 AS same_values,
        CASE WHEN ones.one_sha256 = ones.other_sha256 THEN 1.0 ELSE compared.correlation END AS correlation,
        compared.days
    FROM named_once AS ones
    JOIN factor_contents AS others ON others.values_sha256 = ones.other_sha256
    LEFT JOIN rdlake_tables.factor_pairs AS compared
        ON compared.one_sha256 = least(ones.one_sha256, ones.other_sha256)
        AND compared.other_sha256 = greatest(ones.one_sha256, ones.other_sha256)
),
best AS (
    SELECT *
    FROM pairs
    WHERE name < other_name
    QUALIFY row_number() OVER (
        PARTITION BY name, other_name
        ORDER BY same_values DESC, abs(correlation) DESC NULLS LAST, shared DESC, days DESC NULLS LAST, correlation
    ) = 1
)
SELECT
    name::VARCHAR AS name,
    other_name::VARCHAR AS other_name,
    (abs(correlation) >= 0.99)::BOOLEAN AS is_duplicate,
    correlation::DOUBLE AS correlation,
    sign(correlation)::BIGINT AS sign,
    same_values::BOOLEAN AS same_values,
    shared::BIGINT AS shared_days,
    days::BIGINT AS days
FROM best;

COMMENT ON VIEW factor_duplicates IS 'One row per pair of factor names whose values order the instruments alike, or in reverse, on at least three anchor days: the same idea under two names, as is_duplicate tells.';
COMMENT ON COLUMN factor_duplicates.name IS 'name of a factor';
COMMENT ON COLUMN factor_duplicates.other_name IS 'name of the other, later in the alphabet';
COMMENT ON COLUMN factor_duplicates.is_duplicate IS 'absolute correlation of at least 0.99; null while the values of both were never there together';
COMMENT ON COLUMN factor_duplicates.correlation IS 'mean daily rank correlation of the values; of several versions the highest; 1 for equal values';
COMMENT ON COLUMN factor_duplicates.sign IS '1 for the same order, -1 for the reverse; null with correlation';
COMMENT ON COLUMN factor_duplicates.same_values IS 'the values are equal to the bit';
COMMENT ON COLUMN factor_duplicates.shared_days IS 'anchor days, every fourth Wednesday, with the same order up to reversal';
COMMENT ON COLUMN factor_duplicates.days IS 'days on which the correlation is defined; null for equal values and while not compared';
