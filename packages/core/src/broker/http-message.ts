/** The service that the subscriptions of go-micro's http broker are registered under. */
export const HTTP_BROKER_SERVICE = 'micro.http.broker';

/** The version under which a subscription without a queue is registered. */
export const BROADCAST_VERSION = 'ff.http.broadcast';

/** Where our publishers say which delivery of a message this is; go-micro's publishers, who never repeat, do not. */
export const DELIVERY_FIELD = 'Delivery-Attempt';
