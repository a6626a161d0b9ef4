-- Of each box the configuration that it told last: whose cameras and lines it has now.
CREATE VIEW newest_configurations AS
SELECT DISTINCT ON (p.site, p.agent) p.site, p.agent, k.producer_id, k.revision
FROM config_cameras k JOIN producers p ON p.id = k.producer_id
ORDER BY p.site, p.agent, k.producer_id DESC, k.revision DESC;
