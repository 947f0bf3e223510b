package peer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaClientSupplier;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Kafka Streams with a sink to PostgreSQL. Streams commits offsets every 100 ms, as it does under exactly-once; before each
 * such commit the thread's consumer stores what waits. What is read again after a crash is dropped by its id.
 */
public final class Shares {
    private static final ThreadLocal<Sink> SINK = ThreadLocal.withInitial(Shares::sink);
    private static String sql;

    public static void main(String[] arguments) throws Exception {
        sql = Files.readString(Path.of(told("PEER_STATEMENT")));
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "kafka-streams-" + told("PEER_TOPIC"));
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, told("PEER_KAFKA"));
        properties.put("security.protocol", "SASL_PLAINTEXT");
        properties.put("sasl.mechanism", "SCRAM-SHA-512");
        properties.put("sasl.jaas.config", String.format(
                "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";",
                told("PEER_KAFKA_USER"), told("PEER_KAFKA_PASSWORD")));
        properties.put(StreamsConfig.STATE_DIR_CONFIG, told("PEER_FOLDER"));
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, told("PEER_THREADS"));
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        properties.put("auto.offset.reset", "earliest");
        properties.put(StreamsConfig.mainConsumerPrefix("max.poll.records"), 5_000);
        properties.put(StreamsConfig.mainConsumerPrefix("max.partition.fetch.bytes"), 8 << 20);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(told("PEER_TOPIC"), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(Taking::new);
        KafkaStreams streams = new KafkaStreams(builder.build(), properties, new Clients());
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return null;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    private static String told(String name) {
        return System.getenv(name);
    }

    private static Sink sink() {
        return new Sink(told("PEER_JDBC_URL"), told("PEER_USER"), told("PEER_PASSWORD"), sql);
    }

    private static final class Taking extends ContextualProcessor<byte[], byte[], Void, Void> {
        @Override
        public void process(Record<byte[], byte[]> record) {
            var place = context().recordMetadata().orElseThrow();
            SINK.get().add(record.value(), place.partition(), place.offset());
        }
    }

    /** The clients that Streams makes by itself, but that the main consumer stores before it commits. */
    private static final class Clients implements KafkaClientSupplier {
        @Override
        public Admin getAdmin(Map<String, Object> config) {
            return Admin.create(config);
        }

        @Override
        public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
            return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
        }

        @Override
        public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
            return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer()) {
                @Override
                public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets) {
                    SINK.get().flush();
                    super.commitSync(offsets);
                }
            };
        }

        @Override
        public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) {
            return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        }

        @Override
        public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) {
            return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        }
    }
}
