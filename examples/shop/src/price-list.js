import { readCatalogue } from "./catalogue.js"

/** What the shop sells this season. */
export const priceList = readCatalogue(`
# sku; name; price; grams; VAT
storm; Storm lantern;  39.90;  900; 19
oil;   Lamp oil, 1 l;   7.50; 1000; 19
book;  The Lamp Book;  18.00;  600;  7
`)
