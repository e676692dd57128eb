"""Earlier tasks scored again after later phases."""
