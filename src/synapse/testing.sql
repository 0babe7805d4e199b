-- The columns of Synapse's tables that are read, and the indices by which they are found.
CREATE TABLE schema_version (version INTEGER, upgraded BOOL);
INSERT INTO schema_version VALUES (94, 0);
CREATE TABLE rooms (room_id TEXT PRIMARY KEY, room_version TEXT);
CREATE TABLE events (stream_ordering INTEGER PRIMARY KEY, topological_ordering BIGINT, event_id TEXT UNIQUE,
                     type TEXT, room_id TEXT, outlier BOOL, rejection_reason TEXT);
CREATE INDEX events_order_room ON events (room_id, topological_ordering, stream_ordering);
CREATE INDEX events_room_stream ON events (room_id, stream_ordering);
CREATE TABLE event_json (event_id TEXT UNIQUE, room_id TEXT, internal_metadata TEXT, json TEXT);
CREATE TABLE event_edges (event_id TEXT, prev_event_id TEXT, is_state BOOL DEFAULT 0, UNIQUE (event_id, prev_event_id));
CREATE INDEX ev_edges_prev_id ON event_edges (prev_event_id);
CREATE TABLE state_groups (id BIGINT PRIMARY KEY, room_id TEXT, event_id TEXT);
CREATE TABLE state_group_edges (state_group BIGINT, prev_state_group BIGINT);
CREATE INDEX state_group_edges_idx ON state_group_edges (state_group);
CREATE TABLE state_groups_state (state_group BIGINT, type TEXT, state_key TEXT, event_id TEXT);
CREATE INDEX state_groups_state_type_idx ON state_groups_state (state_group, type, state_key);
CREATE TABLE event_to_state_groups (event_id TEXT UNIQUE, state_group BIGINT);
CREATE TABLE rejections (event_id TEXT UNIQUE, reason TEXT);
CREATE TABLE redactions (event_id TEXT UNIQUE, redacts TEXT, have_censored BOOL);
CREATE TABLE current_state_events (event_id TEXT UNIQUE, room_id TEXT, type TEXT, state_key TEXT, membership TEXT,
                                   UNIQUE (room_id, type, state_key));
CREATE TABLE current_state_delta_stream (stream_id BIGINT, room_id TEXT, type TEXT, state_key TEXT, event_id TEXT,
                                         prev_event_id TEXT);
CREATE TABLE event_forward_extremities (event_id TEXT, room_id TEXT);
CREATE TABLE event_backward_extremities (event_id TEXT, room_id TEXT);
CREATE TABLE partial_state_rooms (room_id TEXT PRIMARY KEY);
CREATE TABLE partial_state_events (room_id TEXT, event_id TEXT UNIQUE);
CREATE TABLE room_stats_state (room_id TEXT UNIQUE, name TEXT, canonical_alias TEXT);
CREATE TABLE room_stats_current (room_id TEXT PRIMARY KEY, joined_members INT);
CREATE TABLE room_aliases (room_alias TEXT UNIQUE, room_id TEXT, creator TEXT);
