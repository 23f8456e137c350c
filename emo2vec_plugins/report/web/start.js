// Start all parts of the page.

startStyle();
startSound();
startVisits();
startLanes();
startOverview();
startCurves();
startDetails();
startTable();
startSummary();
startKeys();
