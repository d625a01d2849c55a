//! Names of attributes, exactly as in the OpenTelemetry semantic conventions 1.44.0.
//!
//! Adapters take every name from here. Values that are always the same are here too.

/// The conventions that the spans follow.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $value;)*
    };
}

names! {
    /// What kind of failure ended the operation; absent on success.
    ERROR_TYPE = "error.type";
    /// The type of an error that was raised.
    EXCEPTION_TYPE = "exception.type";
    /// What an error that was raised says.
    EXCEPTION_MESSAGE = "exception.message";

    /// The client's address, behind proxies that are trusted.
    CLIENT_ADDRESS = "client.address";
    /// The host of the server as the client named it.
    SERVER_ADDRESS = "server.address";
    /// The port of the server, an integer.
    SERVER_PORT = "server.port";
    /// The logical name of the service called.
    SERVICE_PEER_NAME = "service.peer.name";
    /// The address of the socket's other end.
    NETWORK_PEER_ADDRESS = "network.peer.address";
    /// The port of the socket's other end, an integer.
    NETWORK_PEER_PORT = "network.peer.port";
    /// The negotiated version: `1.0`, `1.1`, `2`, `3`.
    NETWORK_PROTOCOL_VERSION = "network.protocol.version";

    /// The method, or `_OTHER`.
    HTTP_REQUEST_METHOD = "http.request.method";
    /// The method on the wire, where it is not the one recorded.
    HTTP_REQUEST_METHOD_ORIGINAL = "http.request.method_original";
    /// The ordinal of a request that was sent again.
    HTTP_REQUEST_RESEND_COUNT = "http.request.resend_count";
    /// The status code, an integer.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code";
    /// The matched route template.
    HTTP_ROUTE = "http.route";
    /// Captured request headers: this and the name in lower case.
    HTTP_REQUEST_HEADER = "http.request.header.";
    /// Captured response headers: this and the name in lower case.
    HTTP_RESPONSE_HEADER = "http.response.header.";

    /// The absolute URL of a client's request, redacted.
    URL_FULL = "url.full";
    /// The path.
    URL_PATH = "url.path";
    /// The query, redacted.
    URL_QUERY = "url.query";
    /// The scheme.
    URL_SCHEME = "url.scheme";
    /// The template of a client's request.
    URL_TEMPLATE = "url.template";
    /// The user agent.
    USER_AGENT_ORIGINAL = "user_agent.original";

    /// The database product, as the client library knows it.
    DB_SYSTEM_NAME = "db.system.name";
    /// The database within the server; for Redis its index.
    DB_NAMESPACE = "db.namespace";
    /// The command or operation.
    DB_OPERATION_NAME = "db.operation.name";
    /// How many operations a batch holds, an integer that is never 1.
    DB_OPERATION_BATCH_SIZE = "db.operation.batch.size";
    /// The stored procedure, function or script that was called.
    DB_STORED_PROCEDURE_NAME = "db.stored_procedure.name";
    /// The statement, without literals.
    DB_QUERY_TEXT = "db.query.text";
    /// The database's own code for a failure.
    DB_RESPONSE_STATUS_CODE = "db.response.status_code";
    /// Whether a read from a cache found what it was for, a boolean. The conventions have no name
    /// for it.
    CACHE_HIT = "cache.hit";
    /// Whether later operations below the same parent go unrecorded, a boolean.
    LIMIT_REACHED = "tracewire.limit_reached";
    /// The one collection or table that an operation is about, where that is known.
    DB_COLLECTION_NAME = "db.collection.name";
    /// The operations and targets of a statement, in their order.
    DB_QUERY_SUMMARY = "db.query.summary";
    /// How many rows came back, an integer.
    DB_RESPONSE_RETURNED_ROWS = "db.response.returned_rows";
    /// How many rows were changed, an integer. The conventions have no name for it.
    DB_RESPONSE_AFFECTED_ROWS = "db.response.affected_rows";

    /// The RPC system: `grpc`.
    RPC_SYSTEM_NAME = "rpc.system.name";
    /// The fully qualified method without a leading slash, or `_OTHER`.
    RPC_METHOD = "rpc.method";
    /// The method on the wire, where it is not the one recorded.
    RPC_METHOD_ORIGINAL = "rpc.method_original";
    /// The name of the status code. The conventions after 1.44.0 call it `rpc.status_code`.
    RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code";
    /// Captured request metadata: this and the key in lower case.
    RPC_REQUEST_METADATA = "rpc.request.metadata.";
    /// Captured response metadata: this and the key in lower case.
    RPC_RESPONSE_METADATA = "rpc.response.metadata.";
    /// How many messages this end of a call has sent, an integer. The conventions have no name for it.
    RPC_MESSAGES_SENT = "tracewire.rpc.messages_sent";
    /// How many messages this end of a call has received, an integer.
    RPC_MESSAGES_RECEIVED = "tracewire.rpc.messages_received";

    /// The messaging system: `rabbitmq`, `kafka`, or a name of its own.
    MESSAGING_SYSTEM = "messaging.system";
    /// What the system calls the operation: `publish`, `poll`, `ack`.
    MESSAGING_OPERATION_NAME = "messaging.operation.name";
    /// What it is: `create`, `send`, `receive`, `process` or `settle`.
    MESSAGING_OPERATION_TYPE = "messaging.operation.type";
    /// The queue, topic or subject.
    MESSAGING_DESTINATION_NAME = "messaging.destination.name";
    /// The low-cardinality form of a destination's name.
    MESSAGING_DESTINATION_TEMPLATE = "messaging.destination.template";
    /// Whether the destination lives only as long as somebody uses it; only where it is true.
    MESSAGING_DESTINATION_TEMPORARY = "messaging.destination.temporary";
    /// Whether the destination's name means nothing, as a generated one; only where it is true.
    MESSAGING_DESTINATION_ANONYMOUS = "messaging.destination.anonymous";
    /// The partition within the destination.
    MESSAGING_DESTINATION_PARTITION_ID = "messaging.destination.partition.id";
    /// The subscription within the destination.
    MESSAGING_DESTINATION_SUBSCRIPTION_NAME = "messaging.destination.subscription.name";
    /// The group that shares the messages of a destination.
    MESSAGING_CONSUMER_GROUP_NAME = "messaging.consumer.group.name";
    /// Who sends or consumes.
    MESSAGING_CLIENT_ID = "messaging.client.id";
    /// The message's own name.
    MESSAGING_MESSAGE_ID = "messaging.message.id";
    /// What connects the messages of one conversation: a correlation id.
    MESSAGING_MESSAGE_CONVERSATION_ID = "messaging.message.conversation_id";
    /// How many bytes the payload has, an integer.
    MESSAGING_MESSAGE_BODY_SIZE = "messaging.message.body.size";
    /// How many messages a batch has, an integer; only where the call takes or gives several.
    MESSAGING_BATCH_MESSAGE_COUNT = "messaging.batch.message_count";
    /// The routing key of a message.
    MESSAGING_RABBITMQ_ROUTING_KEY = "messaging.rabbitmq.destination.routing_key";
    /// The delivery tag of a message, an integer.
    MESSAGING_RABBITMQ_DELIVERY_TAG = "messaging.rabbitmq.message.delivery_tag";
    /// The place of a record in its partition, an integer.
    MESSAGING_KAFKA_OFFSET = "messaging.kafka.offset";
    /// The key of a record, where it is text.
    MESSAGING_KAFKA_MESSAGE_KEY = "messaging.kafka.message.key";
    /// Whether a record says that its key is gone; only where it is true.
    MESSAGING_KAFKA_MESSAGE_TOMBSTONE = "messaging.kafka.message.tombstone";
}
