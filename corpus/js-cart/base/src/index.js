export { addItem, emptyCart, removeItem, subtotal } from "./cart.js"
export { checkout } from "./checkout.js"
export { couponByLine, couponValue } from "./coupon.js"
export { allocate, format } from "./money.js"
