package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** What one stream thread has read and not yet stored, and its connection. A batch is one statement and one transaction. */
final class Sink {
    private static final int BATCH = 5_000;
    private static final String[] TYPES = {"text", "text", "text", "text", "text", "int8", "text", "int4", "int8"};
    private final ObjectMapper json = new ObjectMapper();
    private final Connection connection;
    private final PreparedStatement statement;
    private final List<Object[]> rows = new ArrayList<>(BATCH);

    Sink(String url, String user, String password, String sql) {
        try {
            connection = DriverManager.getConnection(url, user, password);
            statement = connection.prepareStatement(sql);
        } catch (SQLException error) {
            throw new IllegalStateException(error);
        }
    }

    void add(byte[] value, int partition, long offset) {
        try {
            JsonNode event = json.readTree(value);
            JsonNode data = event.get("data");
            rows.add(new Object[] {
                event.get("id").textValue(), data.get("repost_id").textValue(), data.get("volunteer_id").textValue(),
                event.get("time").textValue(), event.get("recordedtime").textValue(),
                Long.valueOf(event.get("sequence").textValue()), event.get("county").textValue(), partition, offset,
            });
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        if (rows.size() >= BATCH) {
            flush();
        }
    }

    /** Stores what waits. Called before each commit of offsets, so that none is committed of what is not stored. */
    void flush() {
        if (rows.isEmpty()) {
            return;
        }
        try {
            for (int column = 0; column < TYPES.length; column++) {
                Object[] values = new Object[rows.size()];
                for (int row = 0; row < values.length; row++) {
                    values[row] = rows.get(row)[column];
                }
                statement.setArray(column + 1, connection.createArrayOf(TYPES[column], values));
            }
            statement.executeUpdate();
            rows.clear();
        } catch (SQLException error) {
            throw new IllegalStateException(error);
        }
    }
}
