"""EmotionML, the W3C's XML for emotions. Reads documents of other tools as well."""
