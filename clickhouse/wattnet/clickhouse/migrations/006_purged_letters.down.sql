DROP TABLE IF EXISTS purged_letters;
