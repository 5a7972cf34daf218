# stub: writes qlib_res.csv and ret.parquet from the newest recorder
